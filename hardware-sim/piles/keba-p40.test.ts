import { expect, test } from 'vitest';
import { createPileRig, type PileRig } from './pile-rig.ts';
import { askTcp, u32 } from './rig-values.ts';

function p40(vehicle = {}, firmware?: string): PileRig {
  const options = firmware === undefined ? {} : { firmware };
  return createPileRig('keba-p40', { initialRegisterWh: 5000.57, vehicle, options });
}

function charging(): PileRig {
  const rig = p40({ plugged: true });
  rig.write(5004, 16_000);
  rig.passMs(6000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
  return rig;
}

test('HS-01 the derived frame for 16 A is taken', () => {
  const rig = p40();
  expect(askTcp(rig, '00 01 00 00 00 06 ff 06 13 8c 3e 80')).toBe('06138c3e80');
  expect(u32(rig, 3, 1100)).toBe(16_000);
});

test('HS-01 the product code has seven digits and begins with 4, and there is no enable register', () => {
  const rig = p40();
  expect(String(u32(rig, 3, 1016))).toMatch(/^4\d{6}$/);
  expect(rig.write(5014, 1)).toEqual([0x86, 2]);
  expect(rig.write(5004, 5999)).toEqual([0x86, 3]);
});

test.each([
  ['1.2.1', 10_201, 10],
  ['1.3', 10_300, 10],
  ['1.2.0', 10_200, 1],
  ['1.1.9', 10_109, 1],
])('HS-02 with firmware %s register 1018 is %i and energy has %i counts in a Wh', (firmware, code, countsPerWh) => {
  const rig = p40({ plugged: true }, firmware);
  rig.write(5004, 16_000);
  rig.passMs(600_000);
  const wh = rig.pile.truth().energyTruthWh;
  expect(u32(rig, 3, 1018)).toBe(code);
  expect(u32(rig, 3, 1036)).toBe(Math.floor((5000.57 + wh) * countsPerWh));
  expect(u32(rig, 3, 1502)).toBe(Math.floor(wh * countsPerWh));
  expect(rig.pile.truth().reportedRegisterWh).toBeCloseTo(u32(rig, 3, 1036) / countsPerWh, 3);
});

test('HS-02 a current of 0 pauses and the next current goes on', () => {
  const rig = charging();
  expect(rig.write(5004, 0)).toEqual([6, 0x13, 0x8c, 0, 0]);
  rig.passMs(3000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0], effectiveLimitA: 0 });
  expect(u32(rig, 3, 1000)).toBe(1);
  rig.write(5004, 6000);
  rig.passMs(6000);
  expect(rig.pile.truth().currentA).toEqual([6, 6, 6]);
});

test('HS-02 unlocking the plug stops the charge until a current is set', () => {
  const rig = charging();
  rig.write(5012, 0);
  rig.passMs(3000);
  expect(rig.pile.truth().contactorClosed).toBe(false);
  expect(u32(rig, 3, 1004)).toBe(5);
  rig.write(5004, 16_000);
  rig.passMs(6000);
  expect(rig.pile.truth().contactorClosed).toBe(true);
});

test('HS-02 after a trip a current alone ends the failsafe current', () => {
  const rig = charging();
  rig.write(5016, 6000);
  rig.write(5018, 10);
  rig.passMs(10_100);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 6, watchdog: { tripped: true } });
  rig.write(5018, 10);
  rig.passMs(100);
  expect(rig.pile.truth().effectiveLimitA).toBe(6);
  rig.write(5004, 16_000);
  rig.passMs(100);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 16, watchdog: { tripped: false } });
});

test('HS-02 phases switch over only when Modbus is the source, through open contacts', () => {
  const rig = charging();
  rig.write(5052, 0);
  rig.passMs(10_000);
  expect([u32(rig, 3, 1550), u32(rig, 3, 1552)]).toEqual([0, 3]);
  rig.write(5050, 3);
  rig.write(5052, 0);
  rig.passMs(10_000);
  expect(u32(rig, 3, 1552)).toBe(1);
  const { currentA, contactorEvents } = rig.pile.truth();
  expect(currentA).toEqual([16, 0, 0]);
  expect(contactorEvents.map(({ closed }) => closed)).toEqual([true, false, true]);
});
