import { expect, test } from 'vitest';
import { createPileRig, type PileRig } from './pile-rig.ts';

/** A Heidelberg box without watchdog, with a vehicle that draws 16 A on three phases: 11.04 kW. */
function chargingRig(): PileRig {
  const rig = createPileRig('heidelberg-energy-control', { vehicle: { plugged: true } });
  rig.write(257, 0);
  rig.write(261, 160);
  rig.passMs(6000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
  return rig;
}

function totalWh(rig: PileRig): number {
  const [high = 0, low = 0] = rig.read(4, 17, 2);
  return high * 0x10000 + low;
}

test('HS-03 a meter that counts backward shows less while the truth grows', () => {
  const rig = chargingRig();
  const before = rig.pile.truth();
  const beforeWh = totalWh(rig);
  rig.fault({ kind: 'meter-backward' });
  rig.passMs(60_000);
  const flowedWh = rig.pile.truth().energyTruthWh - before.energyTruthWh;
  expect(flowedWh).toBeCloseTo(184, 3);
  expect(totalWh(rig) - beforeWh).toBeLessThanOrEqual(-183);
  expect(totalWh(rig) - beforeWh).toBeGreaterThanOrEqual(-185);
  expect(rig.pile.truth().registerWhTruth).toBeCloseTo(before.registerWhTruth + flowedWh, 6);
});

test.each([
  ['heidelberg-energy-control', 4, 17, 1],
  ['keba-p30', 3, 1036, 0.1],
] as const)('HS-03 the register of a %s wraps where its 32 bits end', (model, functionCode, address, whPerCount) => {
  const rig = createPileRig(model, { startsPermitted: true, vehicle: { plugged: true } });
  if (model === 'heidelberg-energy-control') rig.write(257, 0);
  rig.passMs(10_000);
  rig.pile.truth();
  rig.fault({ kind: 'meter-rollover', belowEndWh: 100 });
  rig.passMs(50);
  const [high = 0] = rig.read(functionCode, address, 2);
  expect(high).toBe(0xffff);
  rig.passMs(120_000);
  const [after = -1, low = 0] = rig.read(functionCode, address, 2);
  expect(after).toBe(0);
  expect(low * whPerCount).toBeGreaterThan(10);
  expect(rig.pile.truth().reportedRegisterWh).toBeCloseTo(low * whPerCount, 3);
});

test('HS-03 a jump, and a reset after it, strike once each', () => {
  const rig = chargingRig();
  const beforeWh = totalWh(rig);
  const jump = rig.fault({ kind: 'meter-jump', stepWh: 1_000_000 });
  rig.passMs(1000);
  expect(Math.abs(totalWh(rig) - beforeWh - 1_000_003)).toBeLessThanOrEqual(1);
  rig.clearFault(jump);
  rig.fault({ kind: 'meter-reset' });
  rig.passMs(60_000);
  expect(totalWh(rig)).toBe(183);
  const { energyTruthWh, registerWhTruth } = rig.pile.truth();
  expect(registerWhTruth).toBeCloseTo(1000.9 + energyTruthWh, 6);
});

test('HS-03 a missing total is FFFF or exception 4 in every read that touches it, and only there', () => {
  const rig = chargingRig();
  const marker = rig.fault({ kind: 'meter-missing', as: 'marker' });
  rig.passMs(50);
  expect(rig.read(4, 14, 5).slice(3)).toEqual([0xffff, 0xffff]);
  expect(rig.read(4, 14, 1)).toEqual([11_040]);
  rig.clearFault(marker);
  rig.fault({ kind: 'meter-missing', as: 'error' });
  rig.passMs(50);
  expect(rig.ask(4, 0, 14, 0, 5)).toEqual([0x84, 4]);
  expect(rig.ask(4, 0, 18, 0, 1)).toEqual([0x84, 4]);
  expect(rig.read(4, 14, 3)[0]).toBe(11_040);
});

test('HS-03 after a BMS fault the vehicle opens S2 at once and asks again only with the next plug', () => {
  const rig = chargingRig();
  const faultId = rig.fault({ kind: 'bms-abort', reason: 'other' });
  rig.passMs(50);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0], pileState: 'B2' });
  rig.clearFault(faultId);
  rig.passMs(60_000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, pileState: 'B2', plugged: true });
  rig.pile.setVehicle({ plugged: false });
  rig.passMs(1000);
  rig.pile.setVehicle({ plugged: true });
  rig.passMs(6000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
});

test('HS-03 a gun that is pulled is gone once, and can be plugged in again under the same fault', () => {
  const rig = chargingRig();
  rig.fault({ kind: 'gun-pulled' });
  rig.passMs(50);
  expect(rig.pile.truth()).toMatchObject({ plugged: false, contactorClosed: false, currentA: [0, 0, 0] });
  rig.pile.setVehicle({ plugged: true });
  rig.passMs(6000);
  expect(rig.pile.truth()).toMatchObject({ plugged: true, currentA: [16, 16, 16] });
  rig.fault({ kind: 'gun-pulled' });
  rig.passMs(50);
  expect(rig.pile.truth().plugged).toBe(false);
});

test.each([
  ['locked', 0, 7, true],
  ['unlocked', 0, 5, false],
] as const)(
  'HS-03 a plug lock that is stuck %s shows in the cable state whatever is written',
  (stuck, high, low, holds) => {
    const rig = createPileRig('keba-p30', { vehicle: { plugged: true } });
    rig.fault({ kind: 'lock-jammed', stuck });
    rig.passMs(50);
    expect(rig.read(3, 1004, 2)).toEqual([high, low]);
    rig.write(5012, 0);
    rig.passMs(50);
    expect(rig.read(3, 1004, 2)).toEqual([high, low]);
    expect(rig.pile.holdsPlug()).toBe(holds);
    expect(rig.pile.truth().plugLockStuck).toBe(stuck);
  },
);

test('HS-03 a jammed ABB lock shows in the socket state', () => {
  const rig = createPileRig('abb-terra-ac', { vehicle: { plugged: true } });
  rig.fault({ kind: 'lock-jammed', stuck: 'unlocked' });
  rig.passMs(50);
  expect(rig.read(3, 0x400a, 2)).toEqual([0, 0x0101]);
});

test('HS-03 a power cut opens the contacts, even welded ones carry nothing, and the registers forget what they were told', () => {
  const rig = chargingRig();
  rig.fault({ kind: 'welded-contactor', vehicleKeepsDrawing: true, detectedByPile: false });
  rig.write(262, 100);
  rig.passMs(1000);
  const beforeWh = totalWh(rig);
  const { energyTruthWh } = rig.pile.truth();
  const cut = rig.fault({ kind: 'power-cut' });
  rig.passMs(50);
  const dark = rig.pile.truth();
  expect(dark).toMatchObject({ powered: false, currentA: [0, 0, 0], powerW: 0, welded: true, energyTruthWh });
  rig.passMs(3_600_000);
  expect(rig.pile.truth().energyTruthWh).toBe(dark.energyTruthWh);
  rig.clearFault(cut);
  rig.passMs(50);
  expect(rig.read(3, 257, 1)).toEqual([15_000]);
  expect(rig.read(3, 261, 2)).toEqual([0, 0]);
  expect(rig.read(4, 15, 2)).toEqual([0, 0]);
  expect(totalWh(rig) - beforeWh).toBeLessThanOrEqual(1);
  expect(totalWh(rig)).toBeGreaterThanOrEqual(beforeWh);
});

test('HS-03 a power cut with a duration ends by itself, and does not begin again', () => {
  const rig = chargingRig();
  rig.fault({ kind: 'power-cut', durationMs: 5000 });
  rig.passMs(4900);
  expect(rig.pile.powered()).toBe(false);
  rig.passMs(200);
  expect(rig.pile.powered()).toBe(true);
  rig.passMs(60_000);
  expect(rig.pile.powered()).toBe(true);
});

test('HS-03 a power cycle clears the counter since power-on and nothing of the total', () => {
  const rig = chargingRig();
  rig.passMs(60_000);
  const beforeWh = totalWh(rig);
  const [, sincePowerOnWh = 0] = rig.read(4, 15, 2);
  expect(sincePowerOnWh).toBeGreaterThan(180);
  rig.pile.powerCycle(2000);
  rig.passMs(2100);
  expect(rig.pile.truth()).toMatchObject({ powered: true, contactorClosed: false });
  expect(rig.read(4, 15, 2)).toEqual([0, 0]);
  expect(Math.abs(totalWh(rig) - beforeWh)).toBeLessThanOrEqual(1);
  rig.write(257, 0);
  rig.write(261, 160);
  rig.passMs(60_000);
  const { registerWhTruth } = rig.pile.truth();
  expect(totalWh(rig)).toBe(Math.floor(registerWhTruth));
});

test('HS-02 the gun warms up under load, and the pile derates when a fault makes it hot', () => {
  const rig = chargingRig();
  rig.passMs(600_000);
  const { gunTemperatureC, temperatureC } = rig.pile.truth();
  expect(gunTemperatureC).toBeCloseTo(22 + 0.04 * 256, 0);
  expect(temperatureC).not.toBeCloseTo(gunTemperatureC, 1);
  const hot = rig.fault({ kind: 'over-temperature', temperatureC: 80, where: 'gun' });
  rig.passMs(5000);
  expect(rig.pile.truth()).toMatchObject({ gunTemperatureC: 80, effectiveLimitA: 8 });
  expect(rig.read(4, 9, 1)[0]).toBeLessThan(500);
  rig.clearFault(hot);
  rig.fault({ kind: 'over-temperature', temperatureC: 95, where: 'gun' });
  rig.passMs(1000);
  expect(rig.pile.truth()).toMatchObject({ pileState: 'F', contactorClosed: false });
});
