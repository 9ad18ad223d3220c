import { expect, test } from 'vitest';
import { createPileRig, type PileRig } from './pile-rig.ts';

function chargingRig(vehicle = {}): PileRig {
  const rig = createPileRig('heidelberg-energy-control', { vehicle: { plugged: true, ...vehicle } });
  rig.write(257, 0);
  rig.write(261, 160);
  rig.passMs(6000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
  return rig;
}

test('HS-05 a welded contactor keeps conducting and keeps counting after every stop', () => {
  const rig = chargingRig();
  const faultId = rig.fault({ kind: 'welded-contactor', vehicleKeepsDrawing: true, detectedByPile: false });
  rig.write(261, 0);
  rig.write(259, 0);
  rig.passMs(10_000);
  const before = rig.pile.truth();
  expect(before).toMatchObject({ welded: true, contactorClosed: true, currentA: [16, 16, 16], effectiveLimitA: 0 });
  rig.passMs(360_000);
  expect(rig.pile.truth().energyTruthWh - before.energyTruthWh).toBeCloseTo((16 * 3 * 230) / 10, 3);
  rig.clearFault(faultId);
  rig.passMs(2000);
  expect(rig.pile.truth()).toMatchObject({ welded: false, contactorClosed: false, currentA: [0, 0, 0] });
});

test('HS-03 a weld behind an obedient vehicle stays closed without current', () => {
  const rig = chargingRig();
  rig.fault({ kind: 'welded-contactor', vehicleKeepsDrawing: false, detectedByPile: false });
  rig.write(261, 0);
  rig.passMs(3000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: true, currentA: [0, 0, 0] });
});

test('HS-03 a pile that detects its weld reports an error after the stop, not before', () => {
  const rig = chargingRig();
  rig.fault({ kind: 'welded-contactor', vehicleKeepsDrawing: true, detectedByPile: true });
  rig.passMs(1000);
  expect(rig.read(4, 5, 1)).toEqual([7]);
  rig.write(261, 0);
  rig.passMs(8000);
  expect(rig.read(4, 5, 1)).toEqual([11]);
});

test('HS-05 a stuck meter repeats itself while the truth goes on', () => {
  const rig = chargingRig();
  rig.fault({ kind: 'stuck-meter' });
  rig.passMs(100);
  const before = rig.pile.truth();
  rig.passMs(600_000);
  const after = rig.pile.truth();
  expect(after.reportedRegisterWh).toBe(before.reportedRegisterWh);
  expect(after.energyTruthWh - before.energyTruthWh).toBeCloseTo((16 * 3 * 230) / 6, 3);
});

test('HS-03 a vehicle can draw more than it is offered', () => {
  const rig = chargingRig();
  rig.fault({ kind: 'over-current', factor: 1.5 });
  rig.passMs(3000);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 16, currentA: [24, 24, 24] });
});

test('HS-03 a soft stop can be without effect while the lock still works', () => {
  const rig = chargingRig();
  rig.fault({ kind: 'soft-stop-ignored' });
  rig.write(261, 0);
  rig.passMs(20_000);
  expect(rig.read(3, 261, 1)).toEqual([0]);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: true, currentA: [16, 16, 16] });
  rig.write(259, 0);
  rig.passMs(3000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
});

test('HS-03 a board that is hot derates, and shuts down when it is hotter', () => {
  const rig = chargingRig();
  const warm = rig.fault({ kind: 'over-temperature', temperatureC: 90 });
  rig.passMs(5000);
  expect(rig.read(4, 9, 1)).toEqual([900]);
  expect(rig.read(4, 5, 1)).toEqual([8]);
  expect(rig.pile.truth().currentA[0]).toBe(8);
  rig.clearFault(warm);
  rig.fault({ kind: 'over-temperature', temperatureC: 110 });
  rig.passMs(200);
  expect(rig.read(4, 5, 1)).toEqual([11]);
  expect(rig.pile.truth().contactorClosed).toBe(false);
});

test.each([
  ['emergency stop', { kind: 'emergency-stop' } as const, 9],
  ['pile error', { kind: 'pile-error', errorCode: 7 } as const, 11],
])('HS-03 an %s opens the contacts under load and shows in the state', (_name, fault, stateNumber) => {
  const rig = chargingRig();
  const faultId = rig.fault(fault);
  rig.passMs(100);
  expect(rig.pile.truth().contactorClosed).toBe(false);
  expect(rig.read(4, 5, 1)).toEqual([stateNumber]);
  rig.clearFault(faultId);
  rig.passMs(8000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
});

test('HS-03 an ignored write is acknowledged, changes nothing and is no proof of life', () => {
  const rig = createPileRig('keba-p30');
  rig.write(5018, 10);
  const request = Uint8Array.of(6, 0x13, 0x8c, 0x27, 0x10);
  rig.passMs(9000);
  const answer = rig.pile.execute(request, { exceptionCode: undefined, ignoreWrites: true });
  expect(answer.reply).toEqual(request);
  expect(rig.read(3, 1100, 2)).toEqual([0, 32000]);
  rig.passMs(1500);
  expect(rig.pile.truth().watchdog.tripped).toBe(true);
});
