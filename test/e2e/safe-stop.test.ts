import { afterAll, beforeAll, expect, test } from 'vitest';
import { endOf, eventually, expectTheBillToEqualThePhysics, pause, startCharge, stopCharge } from './charge.ts';
import { type Rig, startRig } from './rig.ts';

/**
 * Goal: a pile that must stop, stops, without anybody's help, and the record says why.
 * Method: a fault is switched on in the simulator during a charge; the contactor's truth is the judge.
 */

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.stop());

/** From the fault until the contactor is truly open. */
async function msUntilOpen(pileId: string): Promise<number> {
  const fromMs = Date.now();
  await eventually(
    `the contactor of ${pileId} opens`,
    25_000,
    async () => !(await rig.station.truth.truth(pileId)).contactorClosed,
  );
  return Date.now() - fromMs;
}

test('ED-05.b ED-07 a pile that gets too hot is stopped within its deadline', { timeout: 60_000 }, async () => {
  const charge = await startCharge(rig, 'A1');
  const fault = await rig.station.truth.inject('A1', { kind: 'over-temperature', temperatureC: 82 });
  expect(await msUntilOpen('A1')).toBeLessThan(10_000);
  const figures = await endOf(rig, charge);
  expectTheBillToEqualThePhysics(figures);
  expect(figures.order.cdr).toMatchObject({ stop_reason: 'fault', fault_code: 'over-temperature' });
  await rig.station.truth.clear(fault);
  await rig.station.truth.unplug('A1');
});

test('ED-05.i a gun that is removed ends the charge', { timeout: 60_000 }, async () => {
  const charge = await startCharge(rig, 'B1');
  await pause(1500);
  await rig.station.truth.unplug('B1');
  const figures = await endOf(rig, charge);
  expectTheBillToEqualThePhysics(figures);
  expect(figures.order.cdr).toMatchObject({ stop_reason: 'gun-removed', fault_code: 'gun-removed' });
});

test('ED-05.e a car that draws more than it is offered is stopped by the hard way, and the connector is latched', {
  timeout: 60_000,
}, async () => {
  const charge = await startCharge(rig, 'B2');
  const fault = await rig.station.truth.inject('B2', { kind: 'over-current', factor: 1.3 });
  expect(await msUntilOpen('B2')).toBeLessThan(12_000);
  const figures = await endOf(rig, charge);
  expectTheBillToEqualThePhysics(figures);
  expect(figures.order.cdr).toMatchObject({ stop_reason: 'fault', fault_code: 'over-current' });
  await rig.station.truth.clear(fault);
  const refused = await eventually('the cloud shows the latch', 10_000, async () => {
    const reply = await rig.client.post('/v1/operations/start', {
      request_id: `again-${Date.now()}`,
      connector_id: 'DEMO-B2',
    });
    return reply.status === 409 ? reply : null;
  });
  expect(refused.body.code).toBe('connector.faulted');
});

test('ED-07 a pile that ignores the soft stop is stopped by the second way', { timeout: 60_000 }, async () => {
  const charge = await startCharge(rig, 'A2');
  const fault = await rig.station.truth.inject('A2', { kind: 'soft-stop-ignored' });
  await stopCharge(rig, charge);
  expect(await msUntilOpen('A2')).toBeLessThan(12_000);
  const figures = await endOf(rig, charge);
  expectTheBillToEqualThePhysics(figures);
  // In its time: had the ladder run out of rungs first, the record would say so.
  expect(figures.order.cdr).toMatchObject({ stop_reason: 'partner', marks: [] });
  const writes = rig.log('edge').filter((line) => line.pileId === 'A2' && line.msg === 'pile is written');
  expect(writes.map((line) => line.write)).toEqual(['start', 'softStop', 'hardStop']);
  await rig.station.truth.clear(fault);
  await rig.station.truth.unplug('A2');
});

test('ED-05.k ED-18 a pile that falls silent stops by its own watchdog, and its energy is billed when it is heard again', {
  timeout: 90_000,
}, async () => {
  const charge = await startCharge(rig, 'A1');
  const fault = await rig.station.truth.inject('A1', { kind: 'silence' });
  expect(await msUntilOpen('A1')).toBeLessThan(25_000);
  await rig.station.truth.clear(fault);
  const figures = await endOf(rig, charge);
  expectTheBillToEqualThePhysics(figures);
  expect(figures.order.cdr).toMatchObject({ stop_reason: 'communication-lost' });
});
