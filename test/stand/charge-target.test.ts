import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { connectorOf } from './small-site.ts';
import { pass, Stand } from './stand.ts';

/** Goal: on real lines, with cars that take their time to stop, no charge passes what it was to end at, and none ends much before. */

/** Nearly all of the time that a vehicle has: 3 s. */
const slowToStop = { stopMs: 2500 };
/** Looks at the pile once a second, and 4 s to the end of the current, at some 11 kW. */
const AHEAD_WH = 18;

function raiseHold(stand: Stand, pileId: string, holdMinor: number): string {
  const session = stand.cloud.recordsOf('session.started').findLast((one) => one.pileId === pileId);
  if (session?.orderId == null) throw new Error(`the cloud knows no order at ${pileId}`);
  const { sessionId, orderId } = session;
  const ids = { commandId: randomUUID(), requestId: randomUUID(), orderId, sessionId };
  const head = { v: 1, kind: 'raise-hold', ...ids, connectorId: connectorOf(pileId), issuedAtMs: Date.now() } as const;
  stand.cloud.send({ ...head, holdMinor });
  return ids.commandId;
}

async function flowedWh(stand: Stand, pileId: string, sinceWh: number): Promise<number> {
  return (await stand.station.pile(pileId)).energyTruthWh - sinceWh;
}

test('CH-02 CH-04 an energy, a hold that is raised, and an amount by a meter of 10 Wh steps, side by side', {
  timeout: 120_000,
}, async () => {
  const stand = await Stand.open();
  onTestFinished(() => stand.close());
  const piles = ['A1', 'B1', 'C1'] as const;
  for (const pileId of piles) await stand.station.vehicle(pileId, slowToStop);
  await Promise.all(piles.map((pileId) => stand.plug(pileId)));
  const before = await Promise.all(piles.map(async (pileId) => (await stand.station.pile(pileId)).energyTruthWh));
  stand.start('A1', { limits: { energyWh: 60 } });
  stand.start('B1', { holdMinor: 4 });
  stand.start('C1', { limits: { amountMinor: 10 } });
  await Promise.all(piles.map((pileId) => stand.status(pileId, 'charging')));
  // 1.17 for a kilowatt-hour: 4 minor units are 38 Wh at most, 9 are 81.
  expect(await stand.outcome(raiseHold(stand, 'B1', 9))).toMatchObject({ status: 'done' });
  const [energy, held, amount] = await Promise.all(piles.map((pileId) => stand.cdr(pileId)));

  expect(energy).toMatchObject({ stopReason: 'target-reached', target: 'energy', limits: { energyWh: 60 } });
  expect(energy?.energyWh).toBeLessThanOrEqual(60);
  expect(energy?.energyWh).toBeGreaterThanOrEqual(60 - AHEAD_WH);

  expect(held).toMatchObject({ stopReason: 'hold-used-up', target: 'hold', holdMinor: 9 });
  expect(held?.rating).toMatchObject({
    hold: { holdMinor: 9, chargedMinor: held?.rating?.totalMinor, excessMinor: 0 },
  });
  expect(held?.rating?.totalMinor).toBeLessThanOrEqual(9);
  expect(held?.energyWh).toBeGreaterThan(38);

  expect(amount).toMatchObject({ stopReason: 'target-reached', target: 'amount' });
  expect(amount?.rating?.totalMinor).toBeLessThanOrEqual(10);
  expect(amount?.energyWh).toBeGreaterThanOrEqual(30);

  for (const [i, pileId] of piles.entries()) {
    const billedWh = [energy, held, amount][i]?.energyWh ?? 0;
    const stepWh = pileId === 'C1' ? 10 : 1;
    expect(Math.abs((await flowedWh(stand, pileId, before[i] ?? 0)) - billedWh)).toBeLessThanOrEqual(stepWh);
  }
  expect(stand.cloud.recordsOf('alarm.raised')).toEqual([]);
  expect(stand.cloud.complaints).toEqual([]);
});

test('CH-02 ED-10 behind a dead line more flows than is held: the record tells all of it, and charges no more than the hold', {
  timeout: 120_000,
}, async () => {
  const stand = await Stand.open();
  onTestFinished(() => stand.close());
  await stand.plug('B1');
  stand.start('B1', { holdMinor: 4 });
  await stand.status('B1', 'charging');
  const silence = await stand.station.fault('piles/B1', { kind: 'silence' });
  await pass(25_000);
  await stand.station.clear(silence);
  const cdr = await stand.cdr('B1');
  expect(cdr.rating?.totalMinor).toBeGreaterThan(4);
  expect(cdr.rating?.hold).toEqual({
    holdMinor: 4,
    chargedMinor: 4,
    excessMinor: (cdr.rating?.totalMinor ?? 0) - 4,
  });
});
