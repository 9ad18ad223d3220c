import { expect, test } from 'vitest';
import { createPileRig, type PileRig } from './pile-rig.ts';

const FULL_LIMIT = 160;
const THREE_PHASE_16A_W = 16 * 230 * 3;

/** A Heidelberg box without watchdog, with a vehicle that draws 16 A on three phases. */
function chargingRig(): PileRig {
  const rig = createPileRig('heidelberg-energy-control', { vehicle: { plugged: true } });
  rig.write(257, 0);
  rig.write(261, FULL_LIMIT);
  rig.passMs(6000);
  expect(rig.pile.truth()).toMatchObject({ pileState: 'C2', contactorClosed: true, currentA: [16, 16, 16] });
  return rig;
}

function msUntil(rig: PileRig, reached: () => boolean, limitMs: number): number {
  for (let elapsedMs = 0; elapsedMs <= limitMs; elapsedMs += 10) {
    if (reached()) return elapsedMs;
    rig.passMs(10);
  }
  throw new Error(`not within ${limitMs} ms`);
}

test('HS-05 energy is power times time, and the register is its whole Wh on top of the hidden start', () => {
  const rig = chargingRig();
  const beforeWh = rig.pile.truth().energyTruthWh;
  rig.passMs(1_800_000);
  const { energyTruthWh, registerWhTruth, reportedRegisterWh } = rig.pile.truth();
  expect(energyTruthWh - beforeWh).toBeCloseTo(THREE_PHASE_16A_W / 2, 3);
  expect(registerWhTruth).toBeCloseTo(1000.9 + energyTruthWh, 9);
  expect(reportedRegisterWh).toBe(Math.floor(1000.9 + energyTruthWh));
});

test('HS-05 a ramp is integrated as the triangle it is', () => {
  const vehicle = { plugged: true, rampAPerS: 1, startMs: 0 };
  const rig = createPileRig('heidelberg-energy-control', { vehicle, startsPermitted: true });
  rig.write(257, 0);
  msUntil(rig, () => rig.pile.truth().contactorClosed, 2000);
  rig.passMs(15_000);
  const { energyTruthWh, currentA } = rig.pile.truth();
  const analyticWh = (currentA[0] * 3 * 230 * (currentA[0] / 1)) / 2 / 3600;
  expect(currentA[0]).toBeGreaterThan(10);
  expect(Math.abs(energyTruthWh - analyticWh)).toBeLessThan(0.01);
});

test('HS-05 energy does not depend on how often the truth is asked for', () => {
  const [rare, often] = [chargingRig(), chargingRig()];
  rare.passMs(60_000);
  for (let round = 0; round < 6000; round += 1) {
    often.passMs(10);
    often.pile.truth();
  }
  expect(often.pile.truth().energyTruthWh).toBeCloseTo(rare.pile.truth().energyTruthWh, 6);
});

test('HS-02 contacts close 300 to 500 ms after the vehicle has asked for energy', () => {
  const rig = createPileRig('heidelberg-energy-control', { vehicle: { plugged: true, startMs: 500 } });
  rig.write(261, FULL_LIMIT);
  const askedMs = msUntil(rig, () => rig.pile.truth().pileState === 'C2', 2000);
  const closedMs = askedMs + msUntil(rig, () => rig.pile.truth().contactorClosed, 2000);
  expect(closedMs - askedMs).toBeGreaterThanOrEqual(300);
  expect(closedMs - askedMs).toBeLessThanOrEqual(500);
});

test.each([
  ['no vehicle', { plugged: false }, FULL_LIMIT],
  ['a vehicle that wants nothing', { plugged: true, wantsCharge: false }, FULL_LIMIT],
  ['a full vehicle', { plugged: true, soc: 1 }, FULL_LIMIT],
  ['no permission', { plugged: true }, 0],
])('HS-02 contacts stay open with %s', (_name, vehicle, limit) => {
  const rig = createPileRig('heidelberg-energy-control', { vehicle });
  rig.write(261, limit);
  rig.passMs(10_000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, energyTruthWh: 0, contactorEvents: [] });
});

test('HS-02 after a stop current is gone within the stop time and the contacts open at once after it', () => {
  const rig = chargingRig();
  rig.write(261, 0);
  const openedMs = msUntil(rig, () => !rig.pile.truth().contactorClosed, 3000);
  expect(openedMs).toBeGreaterThan(900);
  expect(openedMs).toBeLessThanOrEqual(1100);
  expect(rig.pile.truth()).toMatchObject({ pileState: 'B1', currentA: [0, 0, 0] });
  expect(rig.pile.truth().contactorEvents.map((event) => event.closed)).toEqual([true, false]);
  expect(rig.pile.truth().contactorOperations).toBe(2);
});

test('HS-02 a vehicle adapts to a lower offer within its reaction time, never later than 5 s', () => {
  const rig = chargingRig();
  rig.pile.setVehicle({ reactionMs: 5000 });
  rig.write(261, 80);
  rig.passMs(4000);
  expect(rig.pile.truth().currentA[0]).toBe(16);
  expect(4000 + msUntil(rig, () => rig.pile.truth().currentA[0] <= 8, 2000)).toBeLessThanOrEqual(5000);
});

test('HS-02 a second cut does not postpone the first', () => {
  const rig = chargingRig();
  rig.write(261, 100);
  rig.passMs(1000);
  rig.write(261, 60);
  rig.passMs(600);
  expect(rig.pile.truth().currentA[0]).toBe(6);
});

test('HS-02 pulling the plug opens the contacts within 100 ms', () => {
  const rig = chargingRig();
  rig.pile.setVehicle({ plugged: false });
  rig.passMs(100);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0], plugged: false });
});

test('HS-02 near full the current tapers, and a full vehicle ends the charge itself', () => {
  const rig = chargingRig();
  rig.pile.setVehicle({ capacityWh: 10_000, soc: 0.97 });
  rig.passMs(5000);
  expect(rig.pile.truth().currentA[0]).toBeLessThan(14);
  rig.passMs(900_000);
  expect(rig.pile.truth()).toMatchObject({ soc: 1, contactorClosed: false, pileState: 'B2' });
});

test('HS-05 energy sessions tell what each stay has received', () => {
  const rig = chargingRig();
  rig.passMs(60_000);
  rig.pile.setVehicle({ plugged: false });
  rig.passMs(1000);
  rig.pile.setVehicle({ plugged: true });
  rig.passMs(60_000);
  const { energySessions, energyTruthWh } = rig.pile.truth();
  expect(energySessions).toHaveLength(2);
  expect(energySessions[0]?.unpluggedAtMonoMs).toBeTypeOf('number');
  const sumWh = energySessions.reduce((sum, session) => sum + session.energyTruthWh, 0);
  expect(sumWh).toBeCloseTo(energyTruthWh, 6);
});
