import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitForConnector } from '../../scripts/start/walk.ts';
import {
  endOf,
  eventually,
  expectOneOutcome,
  expectTheBillToEqualThePhysics,
  pause,
  startCharge,
  stopCharge,
} from './charge.ts';
import { type Rig, startRig } from './rig.ts';

/**
 * Goal: a power cut anywhere costs neither energy nor money, and nothing happens twice.
 * Method: SIGKILL one process at the worst moments of a charge, start it again, compare with the simulator's truth. Each test
 * has a pile of its own, in one station.
 */

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.stop());

test('ED-09 the edge is killed in the middle of a charge: it adopts the charge, and the bill is right', {
  timeout: 120_000,
}, async () => {
  const charge = await startCharge(rig, 'A1');
  await pause(3000);
  rig.station.edge.kill('SIGKILL');
  await rig.station.edge.ended;
  await pause(2000);
  await rig.station.restartEdge();
  await waitForConnector(rig.client, charge.connectorId, 'charging', 20_000);
  await pause(2000);
  await stopCharge(rig, charge);
  const figures = await endOf(rig, charge);
  expectTheBillToEqualThePhysics(figures);
  expectOneOutcome(rig, charge.orderId);
  expect(figures.order.cdr).toMatchObject({ stop_reason: 'partner', marks: ['adopted'] });
});

test('ED-09 the edge is away longer than the watchdog: the pile stops by itself, and what flowed is billed', {
  timeout: 120_000,
}, async () => {
  const charge = await startCharge(rig, 'A2');
  rig.station.edge.kill('SIGKILL');
  await rig.station.edge.ended;
  await eventually('the pile falls back by its own watchdog', 30_000, async () => {
    const truth = await rig.station.truth.truth('A2');
    return !truth.contactorClosed;
  });
  const takenUpAgain = () => rig.log('edge').filter((line) => line.from === 'adopting' && line.pileId === 'A2');
  const before = takenUpAgain().length;
  await rig.station.restartEdge();
  // With the first word to it this box offers again what it was told last: a car that takes it at once is adopted.
  const takenUp = await eventually('what was left is taken up', 30_000, async () => takenUpAgain()[before] ?? null);
  const goesOn = takenUp.to === 'charging';
  if (goesOn) await stopCharge(rig, charge);
  const figures = await endOf(rig, charge);
  expectTheBillToEqualThePhysics(figures);
  expect(figures.order.cdr).toMatchObject({
    stop_reason: goesOn ? 'partner' : 'controller-outage',
    marks: ['adopted'],
  });
});

test('SY-01 ED-10 the cloud is killed and the charge ends meanwhile: the order ends once, with the right bill', {
  timeout: 120_000,
}, async () => {
  const charge = await startCharge(rig, 'B2');
  await pause(2000);
  rig.station.cloud.kill('SIGKILL');
  await rig.station.cloud.ended;
  // The car goes while nobody can be told.
  await rig.station.truth.unplug('B2');
  await eventually('the edge has stopped the pile', 20_000, async () => {
    const truth = await rig.station.truth.truth('B2');
    const isOver = rig.log('edge').some((line) => line.record === 'session.ended' && line.pileId === 'B2');
    return !truth.contactorClosed && isOver;
  });
  await rig.station.restartCloud();
  const figures = await endOf(rig, charge, 60_000);
  expectTheBillToEqualThePhysics(figures);
  expectOneOutcome(rig, charge.orderId);
  expect(figures.order.cdr).toMatchObject({ stop_reason: 'gun-removed' });
});

test('SY-01 SY-04 the cloud is killed in the middle of the sync, again and again', { timeout: 180_000 }, async () => {
  const charge = await startCharge(rig, 'B1');
  await pause(2000);
  await stopCharge(rig, charge);
  for (const afterMs of [150, 400, 900]) {
    await pause(afterMs);
    rig.station.cloud.kill('SIGKILL');
    await rig.station.cloud.ended;
    await rig.station.restartCloud();
  }
  const figures = await endOf(rig, charge, 60_000);
  expectTheBillToEqualThePhysics(figures);
  expectOneOutcome(rig, charge.orderId);
});
