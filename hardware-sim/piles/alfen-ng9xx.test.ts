import { expect, test } from 'vitest';
import { createPileRig, type PileRig } from './pile-rig.ts';
import { askHex, askTcp, f32, f64, text, u32, u64 } from './rig-values.ts';

const SIXTEEN_AMPERE = '00 05 00 00 00 0b 01 10 04 ba 00 02 04 41 80 00 00';

function socket(vehicle = {}, safeCurrentA?: number, initialRegisterWh = 302_806): PileRig {
  const options = safeCurrentA === undefined ? {} : { safeCurrentA };
  return createPileRig('alfen-ng9xx', { vehicle, options, initialRegisterWh });
}

function charging(safeCurrentA?: number): PileRig {
  const rig = socket({ plugged: true }, safeCurrentA);
  askTcp(rig, SIXTEEN_AMPERE);
  rig.passMs(6000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
  return rig;
}

test('HS-01 energy, state and power are read as on the traced wire', () => {
  const rig = socket({ plugged: true });
  expect(askHex(rig, '03 01 76 00 04')).toBe('030841127b5800000000');
  rig.passMs(500);
  expect(askHex(rig, '03 04 b1 00 05')).toBe('030a42310000000000000000');
  expect(askHex(charging(), '03 01 58 00 02')).toBe('0304462c8000');
});

test('HS-01 the derived frame for 16 A is taken and shows as set-point, applied and accounted for', () => {
  const rig = socket();
  expect(askTcp(rig, SIXTEEN_AMPERE)).toBe('1004ba0002');
  expect([f32(rig, 3, 1206), u32(rig, 3, 1208), f32(rig, 3, 1210), rig.read(3, 1214, 1)]).toEqual([16, 60, 16, [1]]);
});

test.each([
  ['phases of 2, as on the traced wire', '06 04 bf 00 02', '8603'],
  ['half a set-point', '06 04 ba 41 80', '8602'],
  ['a set-point that is no number', '10 04 ba 00 02 04 7f c0 00 00', '9003'],
  ['a negative set-point', '10 04 ba 00 02 04 c1 80 00 00', '9003'],
  ['a write to the safe current', '10 04 bc 00 02 04 40 c0 00 00', '9002'],
  ['FC04', '04 01 58 00 02', '8401'],
  ['a station register at a socket', '03 04 4c 00 02', '8302'],
])('HS-01 %s is refused', (_name, request, reply) => {
  expect(askHex(socket(), request)).toBe(reply);
});

test('HS-01 what the meter does not count is not a number', () => {
  const rig = charging();
  expect(askHex(rig, '03 01 6a 00 04')).toBe('03087ff8000000000000');
  expect([362, 390, 422].map((address) => f64(rig, 3, address))).toEqual([Number.NaN, Number.NaN, Number.NaN]);
});

test('HS-02 the state is E without a vehicle, then B1, B2, C2', () => {
  const rig = socket();
  const state = (): string => text(rig, 3, 1201, 5);
  const seen = [state()];
  rig.pile.setVehicle({ plugged: true, wantsCharge: false });
  rig.passMs(500);
  seen.push(state());
  askTcp(rig, SIXTEEN_AMPERE);
  rig.passMs(500);
  seen.push(state());
  rig.pile.setVehicle({ wantsCharge: true });
  rig.passMs(6000);
  seen.push(state());
  expect(seen).toEqual(['E', 'B1', 'B2', 'C2']);
});

test('HS-02 delivered energy is the truth in whole Wh', () => {
  const rig = charging();
  for (let minute = 0; minute < 20; minute += 1) {
    rig.passMs(50_000);
    askTcp(rig, SIXTEEN_AMPERE);
  }
  const wh = rig.pile.truth().energyTruthWh;
  expect(wh).toBeGreaterThan(3000);
  expect(f64(rig, 3, 374)).toBe(Math.floor(302_806 + wh));
  expect(f32(rig, 3, 326)).toBe(48);
});

test('HS-02 the remaining time counts down, reads do not feed it, and the safe current takes over at its end', () => {
  const rig = charging(6);
  expect(u32(rig, 3, 1208)).toBe(54);
  for (let second = 0; second < 53; second += 1) {
    rig.passMs(1000);
    u32(rig, 3, 1208);
  }
  rig.write(1215, 3);
  expect([u32(rig, 3, 1208), f32(rig, 3, 1206)]).toEqual([1, 16]);
  rig.passMs(1000);
  expect([u32(rig, 3, 1208), f32(rig, 3, 1206), rig.read(3, 1214, 1)]).toEqual([0, 6, [0]]);
  rig.passMs(5000);
  expect(rig.pile.truth()).toMatchObject({
    currentA: [6, 6, 6],
    effectiveLimitA: 6,
    watchdog: { tripped: true, timeoutMs: 60_000 },
  });
  askTcp(rig, SIXTEEN_AMPERE);
  rig.passMs(5000);
  expect(rig.pile.truth()).toMatchObject({ currentA: [16, 16, 16], watchdog: { tripped: false } });
});

test('HS-02 without a safe current the end of validity stops the charge, and a set-point of 0 does so at once', () => {
  const expired = charging();
  expired.passMs(60_000);
  expect(expired.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
  const paused = charging();
  paused.writeMany(1210, 0, 0);
  paused.passMs(3000);
  expect(paused.pile.truth()).toMatchObject({ contactorClosed: false, effectiveLimitA: 0 });
});

test('HS-02 a safe current above 0 makes the socket charge that nobody has ever spoken to', () => {
  const rig = socket({ plugged: true }, 8);
  rig.passMs(6000);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 8, contactorClosed: true });
});

test('HS-02 the age of the meter values grows while the meter is stuck', () => {
  const rig = charging();
  expect(u64(rig, 3, 301)).toBeLessThan(100);
  rig.fault({ kind: 'stuck-meter' });
  rig.passMs(30_000);
  expect(u64(rig, 3, 301)).toBeGreaterThanOrEqual(29_900);
});

test('HS-02 one phase is connected after a pause', () => {
  const rig = charging();
  rig.write(1215, 1);
  rig.passMs(8000);
  expect(rig.pile.truth().currentA).toEqual([16, 0, 0]);
  expect([f32(rig, 3, 344), f32(rig, 3, 318)]).toEqual([3680, 16]);
});
