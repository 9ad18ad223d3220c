import { expect, test } from 'vitest';
import { createPileRig, type PileRig } from './pile-rig.ts';
import { askHex, u32 } from './rig-values.ts';

function box(vehicle = {}): PileRig {
  return createPileRig('webasto-next', { vehicle, initialRegisterWh: 77_777.7 });
}

/** Passes time as a master does that writes the alive register every 5 s. */
function passAlive(rig: PileRig, durationMs: number): void {
  for (let elapsedMs = 0; elapsedMs < durationMs; elapsedMs += 5000) {
    rig.write(6000, 1);
    rig.passMs(5000);
  }
}

function charging(): PileRig {
  const rig = box({ plugged: true });
  rig.write(5004, 16);
  passAlive(rig, 10_000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
  return rig;
}

test('HS-01 the write of 16 A is echoed', () => {
  expect(askHex(box(), '06 138c 0010')).toBe('06138c0010');
  expect(askHex(box(), '10 138c 0001 02 0010')).toBe('10138c0001');
});

test.each([
  ['FC04', '04 03e8 0001', '8401'],
  ['a read of the current set-point', '03 138c 0001', '8302'],
  ['a block over two currents', '03 03f0 0003', '8302'],
  ['a set-point of 33 A', '06 138c 0021', '8603'],
])('HS-01 %s is refused', (_name, request, reply) => {
  expect(askHex(box(), request)).toBe(reply);
});

test('HS-02 the state is 0 without a vehicle, 4 paused, 1 offered, 3 charging, 7 in error', () => {
  const rig = box();
  const seen = [...rig.read(3, 1000, 1)];
  const look = (): void => {
    passAlive(rig, 10_000);
    seen.push(...rig.read(3, 1000, 1));
  };
  rig.pile.setVehicle({ plugged: true, wantsCharge: false });
  look();
  rig.write(5004, 16);
  look();
  rig.pile.setVehicle({ wantsCharge: true });
  look();
  rig.fault({ kind: 'pile-error', errorCode: 3 });
  look();
  expect(seen).toEqual([0, 4, 1, 3, 7]);
});

test('HS-02 the total at 1036 is the truth in Wh', () => {
  const rig = charging();
  passAlive(rig, 600_000);
  const wh = rig.pile.truth().energyTruthWh;
  expect(u32(rig, 3, 1036)).toBe(Math.floor(77_777.7 + wh));
  expect([...rig.read(3, 1008, 1), u32(rig, 3, 1020)]).toEqual([16_000, 11_040]);
});

test.each([0, 5])('HS-02 a set-point of %i A stops the charge', (limitA) => {
  const rig = charging();
  rig.write(5004, limitA);
  passAlive(rig, 5000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
});

test('HS-01 the box takes the alive bit back to 0', () => {
  const rig = box();
  expect(rig.write(6000, 1)).toEqual([6, 0x17, 0x70, 0, 1]);
  expect(rig.read(3, 6000, 1)).toEqual([1]);
  rig.passMs(100);
  expect(rig.read(3, 6000, 1)).toEqual([0]);
});

test('HS-02 only a 1 in the alive register feeds supervision; the failsafe current rules until the next one', () => {
  const rig = charging();
  rig.write(2000, 6);
  for (let second = 0; second < 15; second += 1) {
    rig.passMs(1000);
    rig.write(6000, 0);
  }
  rig.passMs(3000);
  expect(rig.pile.truth()).toMatchObject({ currentA: [6, 6, 6], watchdog: { tripped: true, timeoutMs: 20_000 } });
  rig.write(6000, 1);
  rig.passMs(5000);
  expect(rig.pile.truth()).toMatchObject({ currentA: [16, 16, 16], watchdog: { tripped: false } });
});

test('HS-02 without a failsafe current the lost controller ends the charge', () => {
  const rig = charging();
  rig.passMs(23_000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
});
