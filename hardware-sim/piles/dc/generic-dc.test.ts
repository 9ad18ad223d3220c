import { expect, test } from 'vitest';
import { createPileRig, type PileRig } from '../pile-rig.ts';

const START = 1;
const STOP = 2;

function u32(rig: PileRig, address: number): number {
  const [high = 0, low = 0] = rig.read(3, address, 2);
  return high * 0x10000 + low;
}

function setLimit(rig: PileRig, watt: number): void {
  rig.writeMany(101, Math.floor(watt / 0x10000), watt % 0x10000);
}

/** A pile without watchdog that charges a car of 60 kWh at 40 % with up to 50 kW. */
function chargingRig(vehicle: Parameters<PileRig['pile']['setVehicle']>[0] = {}): PileRig {
  const rig = createPileRig('generic-dc', { vehicle: { plugged: true, ...vehicle } });
  rig.passMs(50);
  rig.write(103, 0);
  setLimit(rig, 50_000);
  rig.write(100, START);
  rig.passMs(15_000);
  expect(rig.pile.truth().dc?.phase).toBe('charging');
  return rig;
}

test('HS-02 a start goes through insulation check and hand-shake before the contacts close', () => {
  const rig = createPileRig('generic-dc', { vehicle: { plugged: true } });
  setLimit(rig, 50_000);
  rig.passMs(50);
  expect(rig.read(3, 0, 6)).toEqual([1, 0, 0, 0, 0, 0xffff]);
  rig.write(100, START);
  rig.passMs(1900);
  expect(rig.read(3, 0, 3)).toEqual([2, 5000, 0]);
  rig.passMs(200);
  expect(rig.read(3, 0, 1)).toEqual([3]);
  expect(rig.pile.truth().contactorClosed).toBe(false);
  rig.passMs(1000);
  expect(rig.read(3, 0, 1)).toEqual([4]);
  expect(rig.read(3, 17, 1)).toEqual([1]);
});

test('HS-02 current rises by 20 A/s to the limit, and a new limit is followed', () => {
  const rig = createPileRig('generic-dc', { vehicle: { plugged: true, startMs: 0 } });
  setLimit(rig, 50_000);
  rig.passMs(50);
  rig.write(100, START);
  rig.passMs(2600);
  const before = rig.pile.truth().currentA[0];
  rig.passMs(1000);
  expect(rig.pile.truth().currentA[0] - before).toBeCloseTo(20, 6);
  rig.passMs(10_000);
  expect(rig.pile.truth().powerW).toBeCloseTo(50_000, 0);
  setLimit(rig, 20_000);
  rig.passMs(10_000);
  expect(rig.pile.truth().powerW).toBeCloseTo(20_000, 0);
  expect(u32(rig, 3)).toBe(20_000);
});

test('HS-05 energy is power times time, in the pile, in the battery and in the registers', () => {
  const rig = chargingRig();
  const before = rig.pile.truth();
  rig.passMs(360_000);
  const after = rig.pile.truth();
  const flowedWh = after.energyTruthWh - before.energyTruthWh;
  expect(flowedWh).toBeCloseTo(5000, 0);
  expect((after.soc - before.soc) * 60_000).toBeCloseTo(flowedWh, 6);
  expect(u32(rig, 6)).toBe(Math.floor(1000.9 + after.energyTruthWh));
  expect(u32(rig, 8)).toBe(Math.floor(after.energyTruthWh));
  expect(rig.read(3, 5, 1)).toEqual([Math.floor(after.soc * 100)]);
});

test('HS-05 the supply of a DC pile carries its losses too', () => {
  const rig = chargingRig();
  const { energyWh, powerW, currentsA, voltageV } = rig.pile.supply();
  const truth = rig.pile.truth();
  expect(energyWh).toBeCloseTo(truth.energyTruthWh / 0.95, 6);
  expect((currentsA[0] + currentsA[1] + currentsA[2]) * voltageV).toBeCloseTo(powerW, 6);
  expect(powerW).toBeCloseTo(truth.powerW / 0.95, 6);
});

test('HS-02 the battery takes less the fuller it is, and ends the charge itself when it is full', () => {
  const rig = chargingRig({ soc: 0.8, dcMaxPowerW: 50_000 });
  expect(rig.pile.truth().powerW).toBeGreaterThan(19_000);
  expect(rig.pile.truth().powerW).toBeLessThan(20_001);
  rig.pile.setVehicle({ soc: 0.95 });
  rig.passMs(5000);
  expect(rig.pile.truth().powerW).toBeCloseTo(50_000 * 0.125, -3);
  rig.pile.setVehicle({ soc: 0.9999 });
  rig.passMs(60_000);
  expect(rig.pile.truth()).toMatchObject({
    soc: 1,
    contactorClosed: false,
    dc: { phase: 'ended', vehicleStopReasons: ['soc-target'], chargerStopReasons: ['bms-asked'] },
  });
  expect(rig.read(3, 10, 4)).toEqual([0x0100, 0, 0x4000, 0]);
});

test('HS-02 a vehicle follows the curve it is given', () => {
  const rig = chargingRig({
    soc: 0.5,
    dcMaxPowerW: 40_000,
    chargeCurve: [
      { soc: 0.4, share: 0.5 },
      { soc: 0.6, share: 0.3 },
    ],
  });
  expect(rig.pile.truth().powerW).toBeCloseTo(40_000 * 0.4, -2);
});

test('HS-02 a stop brings the current down by 100 A/s and opens the contacts below 5 A', () => {
  const rig = chargingRig();
  const fromA = rig.pile.truth().currentA[0];
  rig.write(100, STOP);
  rig.passMs(500);
  expect(rig.pile.truth().currentA[0]).toBeCloseTo(fromA - 50, 6);
  expect(rig.read(3, 0, 1)).toEqual([5]);
  rig.passMs(1000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0], powerW: 0 });
  expect(rig.read(3, 0, 1)).toEqual([6]);
  expect(rig.read(3, 10, 4)).toEqual([0x4000, 0, 0x0400, 0]);
});

test.each([
  ['insulation', [0, 1 << 16]],
  ['connector-over-temperature', [0, 4 << 16]],
  ['other', [0, 0x4000]],
  ['over-current', [0, 1]],
  ['abnormal-voltage', [0, 4]],
] as const)('HS-03 a BMS abort for %s shows in BST, and CST says that the BMS asked', (reason, [, low]) => {
  const rig = chargingRig();
  rig.fault({ kind: 'bms-abort', reason });
  rig.passMs(2000);
  expect(u32(rig, 10)).toBe(low);
  expect(u32(rig, 12)).toBe(0x4000_0000);
  expect(rig.read(3, 16, 1)).toEqual([0]);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, dc: { vehicleStopReasons: [reason] } });
});

test('HS-03 an aborted vehicle does not come back before it is plugged in again', () => {
  const rig = chargingRig();
  const faultId = rig.fault({ kind: 'bms-abort', reason: 'pack-over-temperature' });
  rig.passMs(2000);
  expect(rig.read(3, 0, 1)).toEqual([6]);
  rig.clearFault(faultId);
  rig.write(100, START);
  rig.passMs(2000 + 5000 + 100);
  expect(rig.read(3, 0, 1)).toEqual([6]);
  expect(rig.read(3, 16, 1)).toEqual([5]);
  rig.pile.setVehicle({ plugged: false });
  rig.passMs(100);
  rig.pile.setVehicle({ plugged: true });
  rig.passMs(100);
  rig.write(100, START);
  rig.passMs(5000);
  expect(rig.read(3, 0, 1)).toEqual([4]);
});

test('HS-03 a BMS that falls silent is noticed after 1 s without BCL', () => {
  const rig = chargingRig();
  rig.fault({ kind: 'bms-abort', reason: 'silent' });
  rig.passMs(950);
  expect(rig.read(3, 0, 1)).toEqual([4]);
  rig.passMs(100);
  expect(rig.read(3, 0, 1)).toEqual([5]);
  expect(rig.read(3, 16, 1)).toEqual([5]);
});

test('HS-02 a vehicle that never gets ready ends the hand-shake after 60 s', () => {
  const rig = createPileRig('generic-dc', { vehicle: { plugged: true, wantsCharge: false } });
  rig.write(103, 0);
  rig.passMs(50);
  rig.write(100, START);
  rig.passMs(61_900);
  expect(rig.read(3, 0, 1)).toEqual([3]);
  rig.passMs(200);
  expect(rig.read(3, 0, 1)).toEqual([6]);
  expect(rig.read(3, 16, 1)).toEqual([5]);
});

test('HS-03 an emergency stop cuts the current at once and shows in CST', () => {
  const rig = chargingRig();
  rig.fault({ kind: 'emergency-stop' });
  rig.passMs(50);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
  expect(rig.read(3, 0, 1)).toEqual([7]);
  expect(rig.read(3, 16, 1)).toEqual([1]);
  expect(u32(rig, 12)).toBe(0x1000_0100);
});

test('HS-03 a gun that is torn out cuts the current and is told as a connector fault', () => {
  const rig = chargingRig();
  rig.fault({ kind: 'gun-pulled' });
  rig.passMs(50);
  expect(rig.pile.truth()).toMatchObject({ plugged: false, contactorClosed: false, currentA: [0, 0, 0] });
  expect(rig.read(3, 0, 1)).toEqual([0]);
  expect(rig.read(3, 16, 1)).toEqual([4]);
  expect(u32(rig, 12)).toBe(0x1004_0000);
});

test('HS-03 a hot gun derates the pile, a hotter one ends the charge', () => {
  const rig = chargingRig();
  const warm = rig.fault({ kind: 'over-temperature', temperatureC: 80, where: 'gun' });
  rig.passMs(10_000);
  expect(rig.read(3, 15, 1)).toEqual([800]);
  expect(rig.pile.truth().powerW).toBeCloseTo(25_000, 0);
  rig.clearFault(warm);
  rig.fault({ kind: 'over-temperature', temperatureC: 95, where: 'gun' });
  rig.passMs(3000);
  expect(rig.pile.truth().contactorClosed).toBe(false);
  expect(rig.read(3, 16, 1)).toEqual([3]);
});

test('HS-02 a gun that does not lock does not charge', () => {
  const rig = createPileRig('generic-dc', { vehicle: { plugged: true } });
  rig.fault({ kind: 'lock-jammed', stuck: 'unlocked' });
  rig.passMs(50);
  rig.write(100, START);
  rig.passMs(5000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, dc: { phase: 'ended' } });
  expect(rig.read(3, 16, 1)).toEqual([6]);
});

test('HS-02 without a word from the controller the pile falls back, and a fallback of 0 ends the charge', () => {
  const rig = chargingRig();
  rig.writeMany(104, 0, 10_000);
  rig.write(103, 10);
  rig.passMs(9900);
  expect(rig.pile.truth().watchdog.tripped).toBe(false);
  rig.passMs(10_000);
  expect(rig.pile.truth().powerW).toBeCloseTo(10_000, 0);
  rig.writeMany(104, 0, 0);
  rig.passMs(13_000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, dc: { phase: 'ended' } });
  expect(rig.read(3, 16, 1)).toEqual([7]);
});

test('HS-03 a power cut forgets limit, fallback and watchdog, keeps the total, and the car stays uncharged', () => {
  const rig = chargingRig();
  rig.passMs(60_000);
  const totalWh = u32(rig, 6);
  rig.fault({ kind: 'power-cut', durationMs: 5000 });
  rig.passMs(100);
  expect(rig.pile.powered()).toBe(false);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
  rig.passMs(10_000);
  expect(rig.pile.powered()).toBe(true);
  expect(rig.read(3, 0, 1)).toEqual([1]);
  expect(rig.read(3, 101, 5)).toEqual([0, 0, 30, 0, 0]);
  expect(Math.abs(u32(rig, 6) - totalWh)).toBeLessThanOrEqual(1);
  expect(u32(rig, 8)).toBe(0);
});

test('HS-03 an emergency stop during the ramp of a stop still cuts at once', () => {
  const rig = chargingRig();
  rig.write(100, STOP);
  rig.passMs(500);
  expect(rig.pile.truth().currentA[0]).toBeGreaterThan(50);
  rig.fault({ kind: 'emergency-stop' });
  rig.passMs(50);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
});

test('HS-03 a pile can give more than its limit allows', () => {
  const rig = chargingRig();
  rig.fault({ kind: 'over-current', factor: 1.5 });
  rig.passMs(10_000);
  expect(rig.pile.truth().powerW).toBeCloseTo(75_000, 0);
});

test('HS-03 a limit of 0 brings the current to 0 with closed contacts, unless the pile ignores it; a stop works either way', () => {
  const rig = chargingRig();
  setLimit(rig, 0);
  rig.passMs(10_000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: true, powerW: 0, dc: { phase: 'charging' } });
  rig.fault({ kind: 'soft-stop-ignored' });
  rig.passMs(10_000);
  expect(rig.pile.truth().powerW).toBeCloseTo(50_000, 0);
  rig.write(100, STOP);
  rig.passMs(3000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, powerW: 0 });
});

test('HS-03 welded DC contacts leave the voltage of the pack on the gun, without current', () => {
  const rig = chargingRig();
  rig.fault({ kind: 'welded-contactor', vehicleKeepsDrawing: false, detectedByPile: false });
  rig.write(100, STOP);
  rig.passMs(5000);
  expect(rig.pile.truth()).toMatchObject({ welded: true, contactorClosed: true, powerW: 0 });
  expect(rig.read(3, 1, 2)).toEqual([Math.round(10 * (340 + 80 * rig.pile.truth().soc)), 0]);
});

test('HS-02 a pile that starts by itself needs no command', () => {
  const rig = createPileRig('generic-dc', { startsPermitted: true, vehicle: { plugged: true, dcMaxPowerW: 30_000 } });
  rig.passMs(20_000);
  expect(rig.pile.truth().powerW).toBeCloseTo(30_000, 0);
});
