import { describe, expect, test } from 'vitest';
import type { Cdr } from '#shared/wire/cdr.ts';
import { Stand, until } from '../stand/stand.ts';

/** What happens to piles and meters while the edge is down, or while nobody hears them, seen from the bill. */

const FLOWS_WITHIN_MS = 30_000;
const ENOUGH_WH = 12;
const TIMEOUT_MS = 180_000;

/** Energy through what bills this pile: its separate meter, or its own. */
async function flowedWh(stand: Stand, pileId: string): Promise<number> {
  const { piles, meters } = await stand.station.truth();
  const billing = meters.find(({ measures }) => measures === pileId) ?? piles.find((pile) => pile.pileId === pileId);
  return billing?.energyTruthWh ?? Number.NaN;
}

/** Starts a charge at each of these piles; returns when all of them have delivered enough to tell. */
async function charge(stand: Stand, ...pileIds: string[]): Promise<void> {
  await Promise.all(pileIds.map((pileId) => stand.plug(pileId)));
  for (const pileId of pileIds) stand.start(pileId);
  await Promise.all(pileIds.map((pileId) => stand.status(pileId, 'charging')));
  for (const pileId of pileIds)
    await until(`energy at ${pileId}`, FLOWS_WITHIN_MS, async () => (await flowedWh(stand, pileId)) > ENOUGH_WH);
}

function onStand(name: string, body: (stand: Stand) => Promise<void>): void {
  test.concurrent(name, { timeout: TIMEOUT_MS }, async () => {
    const stand = await Stand.open();
    try {
      await body(stand);
      expect(stand.cloud.complaints).toEqual([]);
    } finally {
      await stand.close();
    }
  });
}

const isOff = async (stand: Stand, pileId: string) => !(await stand.station.pile(pileId)).contactorClosed;

describe.concurrent('ED-09 while the edge is down', () => {
  onStand(
    'ED-09 piles are stopped by their watchdogs, and the edge is killed again over it: what flowed is billed once',
    async (stand) => {
      await charge(stand, 'A1', 'B1');
      await stand.edge.kill('SIGKILL');
      for (const pileId of ['A1', 'B1'])
        await until(`${pileId} falls back by itself`, FLOWS_WITHIN_MS, () => isOff(stand, pileId));
      for (const phase of ['stopping', 'closing']) {
        const edge = stand.begin();
        await new Promise<void>((resolve) => {
          edge.onLog = ({ msg, to }) => void (msg === 'connector changes' && to === phase && resolve());
        });
        await edge.kill('SIGKILL');
      }
      await stand.restart();
      // A Heidelberg obeys its register again as soon as it is asked for anything: its charge may have gone on.
      await stand.status('A1', 'charging');
      stand.stop('A1');
      expect(await stand.cdr('A1')).toMatchObject({ stopReason: 'partner', marks: ['adopted'] });
      expect(await stand.cdr('B1')).toMatchObject({ stopReason: 'controller-outage', marks: ['adopted'] });
      for (const pileId of ['A1', 'B1'])
        expect(Math.abs((await stand.cdr(pileId)).energyWh - (await flowedWh(stand, pileId))), pileId).toBeLessThan(1);
      expect(stand.cdrs()).toHaveLength(2);
    },
  );

  onStand(
    'ED-22 piles and a meter are replaced: nothing is billed by the jump, the record says so, and the new ones bill right',
    async (stand) => {
      const pileIds = ['A1', 'B1', 'C1'];
      await charge(stand, ...pileIds);
      await stand.edge.kill('SIGKILL');
      const flowed = new Map<string, number>();
      for (const pileId of pileIds) flowed.set(pileId, await flowedWh(stand, pileId));
      const registersWh: Record<string, number> = { A1: 5_000_000.3, B1: 12.4, C1: 77_000.5 };
      await stand.station.replace((document) => ({
        ...document,
        piles: document.piles.map((pile) => ({ ...pile, initialRegisterWh: registersWh[pile.pileId] ?? 0 })),
        meters: (document.meters ?? []).map((meter) => ({ ...meter, initialRegisterWh: 990 })),
      }));
      await stand.restart();
      for (const pileId of pileIds) {
        const cdr = await stand.cdr(pileId);
        expectNoneOfTheJump(cdr, flowed.get(pileId) ?? 0, pileId === 'C1' ? 10 : 1);
      }
      await chargeOnceMore(stand, 'A1', 1);
      await chargeOnceMore(stand, 'C1', 10);
    },
  );
});

function expectNoneOfTheJump(cdr: Cdr, flowed: number, resolutionWh: number): void {
  expect(cdr.energyWh).toBeLessThan(flowed + resolutionWh);
  expect(cdr.marks).toContain('adopted');
  const doubts = cdr.marks.filter((mark) => mark.startsWith('meter-'));
  expect(doubts.length, `marks of ${cdr.pileId}: ${cdr.marks}`).toBeGreaterThan(0);
  expect(cdr.meterEvents?.map(({ creditedWh }) => creditedWh)).toEqual(doubts.map(() => 0));
}

/** A charge that nothing happens to bills what flows. */
async function chargeOnceMore(stand: Stand, pileId: string, resolutionWh: number): Promise<void> {
  const before = await flowedWh(stand, pileId);
  await charge(stand, pileId);
  const sessionId = stand.view(pileId)?.sessionId;
  stand.stop(pileId);
  const cdr = await stand.cdr(pileId);
  expect(cdr).toMatchObject({ sessionId, stopReason: 'partner', marks: [] });
  expect(Math.abs(cdr.energyWh - ((await flowedWh(stand, pileId)) - before))).toBeLessThan(resolutionWh);
}

describe.concurrent('ED-13 a pile loses power in the middle of a charge', () => {
  onStand(
    'ED-13 what flowed is billed, before the cut and after it, and the pile never delivers without a session',
    async (stand) => {
      await charge(stand, 'A1', 'B1');
      for (const pileId of ['A1', 'B1']) await stand.station.powerCycle(pileId, 2500);
      for (const pileId of ['A1', 'B1'])
        await until(
          `${pileId} is heard again`,
          FLOWS_WITHIN_MS,
          async () => (await stand.station.pile(pileId)).powered,
        );
      for (const pileId of ['A1', 'B1']) {
        await until(`${pileId} goes on, or has ended`, FLOWS_WITHIN_MS, () => {
          const status = stand.view(pileId)?.status;
          return status === 'charging' || status === 'plugged';
        });
        if (stand.view(pileId)?.sessionId !== null) stand.stop(pileId);
        const cdr = await stand.cdr(pileId);
        expect(Math.abs(cdr.energyWh - (await flowedWh(stand, pileId))), pileId).toBeLessThan(1);
        expect(await isOff(stand, pileId)).toBe(true);
      }
    },
  );
});
