import { expect, test } from 'vitest';
import { createPileRig, type PileRig } from './pile-rig.ts';
import { askHex, askTcp, u32Low } from './rig-values.ts';

const ENABLE = '00 0a 00 00 00 06 b4 05 01 90 ff 00';

function box(vehicle = {}): PileRig {
  return createPileRig('phoenix-em-cp-pp-eth', { initialRegisterWh: 800_000.7, vehicle });
}

function charging(vehicle = {}): PileRig {
  const rig = box({ plugged: true, ...vehicle });
  askTcp(rig, ENABLE);
  rig.passMs(6000);
  expect(rig.pile.truth().contactorClosed).toBe(true);
  return rig;
}

const letter = (rig: PileRig): number => rig.read(4, 100, 1)[0] ?? 0;

test('HS-01 the derived frame enables and is echoed; the coil reads back', () => {
  const rig = box();
  expect(askHex(rig, '01 0190 0001')).toBe('010100');
  expect(askTcp(rig, ENABLE)).toBe('050190ff00');
  expect(askHex(rig, '01 0190 0001')).toBe('010101');
});

test('HS-01 the state letter is in the low byte and walks A, B, C', () => {
  const rig = box();
  expect(letter(rig)).toBe(0x0041);
  rig.pile.setVehicle({ plugged: true });
  rig.passMs(1000);
  expect(letter(rig)).toBe(0x0042);
  askTcp(rig, ENABLE);
  rig.passMs(6000);
  expect(letter(rig)).toBe(0x0043);
});

test('HS-01 measured values have the low word first', () => {
  const rig = charging();
  expect(rig.read(4, 114, 6)).toEqual([16_000, 0, 16_000, 0, 16_000, 0]);
  expect(rig.read(4, 108, 2)).toEqual([23_000, 0]);
  expect(rig.read(4, 120, 2)).toEqual([1104, 0]);
  expect(rig.read(4, 128, 2)).toEqual([80_001 % 65_536, 1]);
});

test.each([
  ['a current below 6 A', '06 012c 0005', '8603'],
  ['a current of 0', '06 012c 0000', '8603'],
  ['FC16', '10 012c 0001 02 0010', '9001'],
  ['FC15', '0f 0190 0001 01 01', '8f01'],
  ['FC02', '02 0190 0001', '8201'],
  ['the state as a holding register', '03 0064 0001', '8302'],
  ['an input register between two values', '04 0065 0001', '8402'],
  ['another coil', '05 0191 ff00', '8502'],
  ['a coil that is neither on nor off', '05 0190 1234', '8503'],
])('HS-01 %s is refused', (_name, request, reply) => {
  expect(askHex(box(), request)).toBe(reply);
});

test('HS-02 the energy register follows the truth in steps of 10 Wh, the charge time in seconds', () => {
  const rig = charging();
  rig.passMs(1_794_000);
  const wh = rig.pile.truth().energyTruthWh;
  expect(u32Low(rig, 4, 128)).toBe(Math.floor((800_000.7 + wh) / 10));
  expect(rig.pile.truth().reportedRegisterWh).toBe(u32Low(rig, 4, 128) * 10);
  expect(u32Low(rig, 4, 102)).toBeGreaterThan(1790);
  expect(u32Low(rig, 4, 102)).toBeLessThanOrEqual(1800);
});

test('HS-02 the coil stops the charge, the limit throttles it', () => {
  const rig = charging();
  expect(rig.write(300, 10)).toEqual([6, 1, 0x2c, 0, 10]);
  rig.passMs(5000);
  expect(rig.pile.truth().currentA).toEqual([10, 10, 10]);
  expect(askHex(rig, '05 0190 0000')).toBe('0501900000');
  rig.passMs(3000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
});

test('HS-02 there is no watchdog: ten hours of silence change nothing', () => {
  const rig = charging({ capacityWh: 1_000_000 });
  rig.passMs(36_000_000);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 32, contactorClosed: true, watchdog: { enabled: false } });
});

test('HS-02 a weld that the box has seen is error 12', () => {
  const rig = charging();
  rig.fault({ kind: 'welded-contactor', vehicleKeepsDrawing: true, detectedByPile: true });
  askHex(rig, '05 0190 0000');
  rig.passMs(8000);
  expect([letter(rig), rig.read(4, 107, 1)]).toEqual([0x46, [12]]);
});
