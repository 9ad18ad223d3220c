import { expect, test } from 'vitest';
import { createMbapReader } from '../line/mbap.ts';
import { createPileRig, type PileRig } from './pile-rig.ts';

function keba(vehicle = {}): PileRig {
  return createPileRig('keba-p30', { initialRegisterWh: 5000.57, vehicle });
}

function value(rig: PileRig, address: number): number {
  const [high = 0, low = 0] = rig.read(3, address, 2);
  return high * 65536 + low;
}

function charging(): PileRig {
  const rig = keba({ plugged: true });
  rig.write(5004, 16_000);
  rig.write(5014, 1);
  rig.passMs(6000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
  return rig;
}

test.each([
  ['00 01 00 00 00 06 ff 06 13 8c 3e 80', 1100, 16_000],
  ['00 03 00 00 00 06 ff 06 13 9a 00 14', 1602, 20],
])('HS-01 the frame %s is taken and shows in register %i', (hex, address, expected) => {
  const rig = keba();
  const pushed = createMbapReader()(Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')));
  const message = pushed.ok ? pushed.messages[0] : undefined;
  if (message === undefined) throw new Error('no message');
  expect(rig.ask(...message.pdu)).toEqual([...message.pdu]);
  expect(value(rig, address)).toBe(expected);
});

test.each([
  ['half a value', [3, 0x03, 0xe8, 0, 1], [0x83, 2]],
  ['two values', [3, 0x03, 0xe8, 0, 4], [0x83, 2]],
  ['a value from its middle', [3, 0x03, 0xf1, 0, 2], [0x83, 2]],
  ['the write side of the failsafe timer', [3, 0x13, 0x9a, 0, 2], [0x83, 2]],
  ['FC04', [4, 0x03, 0xe8, 0, 2], [0x84, 1]],
  ['FC16', [16, 0x13, 0x8c, 0, 1, 2, 0x3e, 0x80], [0x90, 1]],
  ['a write to the read side', [6, 0x06, 0x42, 0, 20], [0x86, 2]],
  ['a current below 6 A', [6, 0x13, 0x8c, 0x17, 0x6f], [0x86, 3]],
  ['a current of 0', [6, 0x13, 0x8c, 0, 0], [0x86, 3]],
  ['a failsafe time of 9 s', [6, 0x13, 0x9a, 0, 9], [0x86, 3]],
])('HS-01 %s is refused', (_name, request, reply) => {
  expect(keba().ask(...request)).toEqual(reply);
});

test('HS-02 state, cable, current, power and energy follow the charge', () => {
  const rig = keba();
  expect([value(rig, 1000), value(rig, 1004)]).toEqual([1, 0]);
  rig.pile.setVehicle({ plugged: true, wantsCharge: false });
  rig.write(5004, 16_000);
  rig.write(5014, 1);
  rig.passMs(1000);
  expect([value(rig, 1000), value(rig, 1004)]).toEqual([2, 7]);
  rig.pile.setVehicle({ wantsCharge: true });
  rig.passMs(600_000);
  expect([value(rig, 1000), value(rig, 1008), value(rig, 1020)]).toEqual([3, 16_000, 11_040_000]);
  const wh = rig.pile.truth().energyTruthWh;
  expect(value(rig, 1036)).toBe(Math.floor((5000.57 + wh) * 10));
  expect(value(rig, 1502)).toBe(Math.floor(wh * 10));
  expect(rig.pile.truth().reportedRegisterWh).toBeCloseTo(value(rig, 1036) / 10, 9);
});

test('HS-02 disabling and unlocking both stop the charge; unlocking frees the plug', () => {
  const rig = charging();
  rig.write(5014, 0);
  rig.passMs(3000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
  rig.write(5014, 1);
  rig.passMs(5000);
  rig.write(5012, 0);
  rig.passMs(3000);
  expect(rig.pile.truth().contactorClosed).toBe(false);
  expect(value(rig, 1004)).toBe(5);
});

test('HS-02 by default there is no failsafe: silence changes nothing', () => {
  const rig = charging();
  rig.passMs(3_000_000);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 16, watchdog: { enabled: false } });
});

test('HS-02 only writes feed the failsafe timer: reading all the time does not help', () => {
  const rig = charging();
  rig.write(5016, 6000);
  rig.write(5018, 20);
  expect([value(rig, 1600), value(rig, 1602)]).toEqual([6000, 20]);
  rig.passMs(15_000);
  rig.write(5018, 20);
  for (let second = 0; second < 19; second += 1) {
    rig.passMs(1000);
    value(rig, 1000);
  }
  expect(rig.pile.truth().watchdog.tripped).toBe(false);
  rig.passMs(1000);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 6, watchdog: { tripped: true, timeoutMs: 20_000 } });
});

test('HS-02 after a trip both current and enable must be set again', () => {
  const rig = charging();
  rig.write(5018, 10);
  rig.passMs(10_100);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 0, watchdog: { tripped: true } });
  rig.write(5018, 10);
  rig.write(5004, 16_000);
  rig.passMs(100);
  expect(rig.pile.truth().effectiveLimitA).toBe(0);
  rig.write(5014, 1);
  rig.passMs(100);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 16, watchdog: { tripped: false } });
});

test('HS-02 disabling works at once even while the failsafe current rules', () => {
  const rig = charging();
  rig.write(5016, 6000);
  rig.write(5018, 10);
  rig.passMs(10_100);
  expect(rig.pile.truth().effectiveLimitA).toBe(6);
  rig.write(5014, 0);
  rig.passMs(100);
  expect(rig.pile.truth().effectiveLimitA).toBe(0);
});

test.each([
  ['current', 5004, 16_000, 5014, 1],
  ['enable', 5014, 1, 5004, 16_000],
])(
  'HS-02 setting only %s after a trip leaves the failsafe current in force',
  (_name, first, firstValue, second, secondValue) => {
    const rig = charging();
    rig.write(5016, 6000);
    rig.write(5018, 10);
    rig.passMs(10_100);
    rig.write(first, firstValue);
    rig.passMs(100);
    expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 6, watchdog: { tripped: true } });
    rig.write(second, secondValue);
    rig.passMs(100);
    expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 16, watchdog: { tripped: false } });
  },
);
