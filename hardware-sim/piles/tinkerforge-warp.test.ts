import { expect, test } from 'vitest';
import { createPileRig, type PileRig } from './pile-rig.ts';
import { askHex, f32, u32 } from './rig-values.ts';

function warp(vehicle = {}): PileRig {
  return createPileRig('tinkerforge-warp', { vehicle, initialRegisterWh: 250_000 });
}

function charging(vehicle = {}): PileRig {
  const rig = warp({ plugged: true, ...vehicle });
  rig.writeMany(1002, 0, 16_000);
  askHex(rig, '05 03e8 ff00');
  rig.passMs(6000);
  expect(rig.pile.truth().currentA[0]).toBe(16);
  return rig;
}

test('HS-01 the write of 16 A is one pair with the high word first', () => {
  const rig = warp();
  expect(askHex(rig, '10 03ea 0002 04 0000 3e80')).toBe('1003ea0002');
  expect(u32(rig, 3, 1002)).toBe(16_000);
});

test('HS-01 enabling by coil and by holding register is the same', () => {
  const rig = warp();
  expect(askHex(rig, '05 03e8 ff00')).toBe('0503e8ff00');
  expect(u32(rig, 3, 1000)).toBe(1);
  rig.writeMany(1000, 0, 0);
  expect(askHex(rig, '01 03e8 0002')).toBe('010102');
  expect(askHex(rig, '0f 03e8 0002 01 01')).toBe('0f03e80002');
  expect(u32(rig, 3, 1000)).toBe(1);
});

test('HS-01 discrete inputs tell features and the phases in use', () => {
  const rig = charging({ phases: 1 });
  expect(askHex(rig, '02 0000 0009')).toBe('02020f01');
  expect(askHex(rig, '02 0834 0006')).toBe('02010f');
});

test.each([
  ['half a pair by FC06', '06 03ea 3e80', '8602'],
  ['a current above 32 A', '10 03ea 0002 04 0000 7d01', '9003'],
  ['an input register between the blocks', '04 000e 0002', '8402'],
  ['a coil beside the table', '05 03ea ff00', '8502'],
  ['an FC22', '16 03e8 0000', '9601'],
])('HS-01 %s is refused', (_name, request, reply) => {
  expect(askHex(warp(), request)).toBe(reply);
});

test('HS-02 both states follow plug, release and charge', () => {
  const rig = warp();
  const look = (): number[] => [u32(rig, 4, 1000), u32(rig, 4, 1002)];
  expect(look()).toEqual([0, 0]);
  rig.pile.setVehicle({ plugged: true, wantsCharge: false });
  rig.passMs(500);
  expect(look()).toEqual([1, 1]);
  askHex(rig, '05 03e8 ff00');
  rig.passMs(500);
  expect(look()).toEqual([1, 2]);
  rig.pile.setVehicle({ wantsCharge: true });
  rig.passMs(6000);
  expect(look()).toEqual([2, 3]);
  expect(u32(rig, 4, 1004)).toBe(0xffff_ffff);
});

test('HS-02 the meter is kWh in singles: total, since its reset, session', () => {
  const rig = charging();
  rig.passMs(600_000);
  const firstKwh = rig.pile.truth().energyTruthWh / 1000;
  rig.writeMany(2000, 0x3e12, 0xe5e6);
  expect(f32(rig, 4, 2006)).toBe(Math.fround(firstKwh));
  rig.writeMany(2000, 0x3e12, 0xe5e7);
  expect(f32(rig, 4, 2006)).toBe(0);
  rig.passMs(600_000);
  const kwh = rig.pile.truth().energyTruthWh / 1000;
  expect(f32(rig, 4, 2004)).toBe(Math.fround(250 + kwh));
  expect([f32(rig, 4, 2006), f32(rig, 4, 2008)]).toEqual([Math.fround(kwh - firstKwh), Math.fround(kwh)]);
  expect(f32(rig, 4, 2002)).toBe(11_040);
});

test('HS-02 there is no watchdog: the limit stays for ten hours', () => {
  const rig = charging({ capacityWh: 1_000_000 });
  rig.passMs(36_000_000);
  expect(rig.pile.truth()).toMatchObject({ currentA: [16, 16, 16], watchdog: { enabled: false } });
});

test.each([
  ['a current of 0', '10 03ea 0002 04 0000 0000'],
  ['the coil', '05 03e8 0000'],
  ['the enable register', '10 03e8 0002 04 0000 0000'],
  ['a reboot', '10 0000 0002 04 012e b007'],
])('HS-02 %s stops the charge', (_name, request) => {
  const rig = charging();
  askHex(rig, request);
  rig.passMs(3000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
});

test('HS-02 a wrong reboot token is acknowledged without effect', () => {
  const rig = charging();
  expect(askHex(rig, '10 0000 0002 04 012e b008')).toBe('1000000002');
  rig.passMs(3000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: true });
});

test('HS-02 one phase is connected after a pause', () => {
  const rig = charging();
  rig.writeMany(3100, 0, 1);
  rig.passMs(8000);
  expect([rig.pile.truth().currentA, u32(rig, 4, 3100)]).toEqual([[16, 0, 0], 1]);
});
