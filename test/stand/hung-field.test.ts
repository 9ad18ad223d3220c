import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { PileTruth } from '../../hardware-sim/piles/truth.ts';
import { INSPECTED, Inspector, inspectorUrlIn } from './inspector.ts';
import type { StationDocument } from './simulated-station.ts';
import { Stand, until } from './stand.ts';

/**
 * Goal: an edge whose field thread hangs leaves no pile delivering for longer than the pile's own watchdog lets it.
 * Method: a busy loop on the field thread of the real process, while the ledger thread and the link to the cloud live on. One
 * pile of every kind of watchdog charges meanwhile; the simulator's contactors are the judge, by the simulator's clock.
 */

const car = {
  rampAPerS: 1000,
  reactionMs: 100,
  stopMs: 100,
  startMs: 100,
  soc: 0.2,
  maxCurrentA: 16,
  phases: 3,
} as const;

/** What an Alfen falls back to: its installer has set it, and its profile says so. */
const ALFEN_FALLBACK_A = 6;

/** Model, unit, and how finely its register counts, in Wh. */
const PILES = {
  anyTraffic: ['heidelberg-energy-control', 1, 1],
  register: ['keba-p30', 255, 1],
  lifeBit: ['schneider-evlink-pro-ac', 255, 1],
  alive: ['vestel-evc04', 255, 100],
  toggle: ['webasto-next', 255, 1],
  limit: ['alfen-ng9xx', 1, 1],
} as const;
type PileId = keyof typeof PILES;
const PILE_IDS = Object.keys(PILES) as PileId[];

const station: StationDocument = {
  stationId: 'watchdogs',
  seed: 99,
  lines: PILE_IDS.map((pileId) =>
    pileId === 'anyTraffic'
      ? { lineId: pileId, transport: 'serial', baud: 19_200, parity: 'even', stopBits: 1, turnaroundMs: 8 }
      : { lineId: pileId, transport: 'tcp', host: '127.0.0.1', port: 0, turnaroundMs: 3 },
  ),
  piles: PILE_IDS.map((pileId) => ({
    pileId,
    model: PILES[pileId][0],
    lineId: pileId,
    unit: PILES[pileId][1],
    ...(pileId === 'limit' ? { socket: 1, options: { safeCurrentA: ALFEN_FALLBACK_A } } : {}),
    initialRegisterWh: 1_234_500,
    vehicle: car,
  })),
};

/** From the end of a watchdog's time until the vehicle's current is gone. */
const REACTION_MS = 3000;
/** What falls back to a safe current moves no contact: it is found by looking, on a machine that may be busy. */
const LOOK_MS = 15_000;
const HANG_MS = 100_000;

/** What a pile has fallen back to, in A: nothing, but for the one that has a safe current. */
const fallbackOf = (pileId: string) => (pileId === 'limit' ? ALFEN_FALLBACK_A : 0);
const largestA = ({ currentA }: PileTruth) => Math.max(...currentA);
const hasFallenBack = (pile: PileTruth) =>
  largestA(pile) <= fallbackOf(pile.pileId) + 0.5 && pile.contactorClosed === fallbackOf(pile.pileId) > 0;

/** When its contacts opened last, by the simulator's own clock; null while they are closed. */
function openedMonoMs({ contactorEvents }: PileTruth): number | null {
  const last = contactorEvents.at(-1);
  return last === undefined || last.closed ? null : last.monoMs;
}

test('ED-18 a field thread that hangs: every pile falls back within its own time, and the bills are right after the restart', {
  timeout: 240_000,
}, async () => {
  const stand = await Stand.open({ station, env: INSPECTED, site: (site) => ({ ...site, supplyLimitMa: 120_000 }) });
  onTestFinished(() => stand.close());
  const before = await stand.station.truth();
  await Promise.all(PILE_IDS.map((pileId) => stand.plug(pileId)));
  await Promise.all(PILE_IDS.map((pileId) => startUntilTaken(stand, pileId)));
  await until('current flows everywhere', 60_000, async () => {
    const { piles } = await stand.station.truth();
    return piles.every((pile) => largestA(pile) > 10);
  });

  const url = inspectorUrlIn(readFileSync(join(stand.folder, 'edge.log'), 'utf8'));
  if (url === null) throw new Error('the edge has no debugger');
  const inspector = await Inspector.open(url);
  await inspector.hangMainThread(HANG_MS);
  const { nowMonoMs: hungMonoMs, piles: watched } = await stand.station.truth();
  const inTimeMs = new Map(
    watched.map(({ pileId, watchdog }) => [
      pileId,
      watchdog.timeoutMs + REACTION_MS + (fallbackOf(pileId) > 0 ? LOOK_MS : 0),
    ]),
  );
  expect(watched.filter(({ watchdog }) => !watchdog.enabled)).toEqual([]);

  // The ledger thread takes a command in, and nobody carries it out.
  const unheard = stand.stop('register');
  await until('the ledger thread has the stop', 10_000, () =>
    stand.cloud
      .recordsOf('command.reported')
      .some(({ commandId, status }) => commandId === unheard && status === 'received'),
  );
  const afterMs = new Map<string, number>();
  await until('every pile has fallen back', HANG_MS - 10_000, async () => {
    const { nowMonoMs, piles } = await stand.station.truth();
    for (const pile of piles)
      if (!afterMs.has(pile.pileId) && hasFallenBack(pile))
        afterMs.set(pile.pileId, (openedMonoMs(pile) ?? nowMonoMs) - hungMonoMs);
    return afterMs.size === PILE_IDS.length;
  });
  for (const pileId of PILE_IDS) {
    expect({ pileId, afterMs: afterMs.get(pileId) ?? 0 }).toSatisfy(
      (fallen: { afterMs: number }) => fallen.afterMs > 1000 && fallen.afterMs <= (inTimeMs.get(pileId) ?? 0),
      `${pileId} within ${inTimeMs.get(pileId)} ms, but not at once`,
    );
  }
  expect(stand.cloud.outcomesOf(unheard)).toEqual([]);

  await stand.edge.kill('SIGKILL');
  await stand.restart({ NODE_OPTIONS: '' });
  // What has begun to deliver again with the first word to its pile is adopted; what has not is closed.
  for (const pileId of PILE_IDS) {
    const { sessionId } = startedAt(stand, pileId);
    const isClosed = () => stand.cdrs().some((cdr) => cdr.sessionId === sessionId);
    const isAdopted = () => stand.isHeard && stand.view(pileId)?.status === 'charging';
    await until(`${pileId} is adopted or closed`, 60_000, () => isClosed() || isAdopted());
    if (!isClosed()) stand.stop(pileId);
  }
  for (const pileId of PILE_IDS) {
    const cdr = await stand.cdr(pileId);
    const flowedWh = flowed(await stand.station.truth(), pileId) - flowed(before, pileId);
    expect({ pileId, offByWh: Math.abs(cdr.energyWh - flowedWh) }).toSatisfy(
      (bill: { offByWh: number }) => bill.offByWh <= PILES[pileId][2] + 1,
    );
    expect(cdr.marks).toContain('adopted');
  }
  expect(stand.cloud.complaints).toEqual([]);
});

/** A start may come before the pile has taken its set-up, and is refused then. */
async function startUntilTaken(stand: Stand, pileId: string): Promise<void> {
  let refusal = '';
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const { status, code } = await stand.outcome(stand.start(pileId));
    if (status === 'done') return;
    refusal = `${status} ${code}`;
  }
  throw new Error(`${pileId} does not start: ${refusal}`);
}

function startedAt({ cloud }: Stand, pileId: string) {
  const started = cloud.recordsOf('session.started').find((one) => one.pileId === pileId);
  if (started === undefined) throw new TypeError(`no charge was started at ${pileId}`);
  return started;
}

function flowed({ piles }: { readonly piles: readonly PileTruth[] }, pileId: string): number {
  const pile = piles.find((candidate) => candidate.pileId === pileId);
  if (pile === undefined) throw new TypeError(`there is no pile ${pileId}`);
  return pile.energyTruthWh;
}
