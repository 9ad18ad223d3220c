import { expect, test } from 'vitest';
import { SESSION_START, SESSION_STOP } from './abb-terra-ac.ts';
import { createPileRig, type PileRig } from './pile-rig.ts';

function abb(vehicle = {}): PileRig {
  return createPileRig('abb-terra-ac', { vehicle });
}

function value(rig: PileRig, address: number): number {
  const [high = 0, low = 0] = rig.read(3, address, 2);
  return high * 65536 + low;
}

const stateOf = (rig: PileRig): number => (value(rig, 0x400c) >> 8) & 0x7f;

function charging(): PileRig {
  const rig = abb({ plugged: true });
  rig.writeMany(0x4106, 0);
  rig.writeMany(0x4100, 0, 16_000);
  rig.passMs(6000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
  return rig;
}

test('HS-01 the derived frame for 16 A is taken', () => {
  const rig = abb();
  const reply = rig.ask(0x10, 0x41, 0x00, 0x00, 0x02, 0x04, 0x00, 0x00, 0x3e, 0x80);
  expect(reply).toEqual([0x10, 0x41, 0x00, 0x00, 0x02]);
  expect(value(rig, 0x400e)).toBe(16_000);
});

test.each([
  ['the limit by FC06', [6, 0x41, 0, 0x3e, 0x80], [0x86, 2]],
  ['half the limit by FC16', [16, 0x41, 0, 0, 1, 2, 0x3e, 0x80], [0x90, 2]],
  ['a limit below 6 A', [16, 0x41, 0, 0, 2, 4, 0, 0, 0x17, 0x6f], [0x90, 3]],
  ['a read of the write side', [3, 0x41, 0, 0, 2], [0x83, 2]],
  ['FC04', [4, 0x40, 0x0c, 0, 2], [0x84, 1]],
  ['a read beyond the table', [3, 0x40, 0x20, 0, 2], [0x83, 2]],
  ['a session command of 2', [6, 0x41, 0x05, 0, 2], [0x86, 3]],
])('HS-01 %s is refused', (_name, request, reply) => {
  expect(abb().ask(...request)).toEqual(reply);
});

test('HS-01 the whole read table comes in one block', () => {
  expect(abb().read(3, 0x4000, 0x21)).toHaveLength(33);
});

test('HS-02 state and socket follow plug, pause and charge', () => {
  const rig = abb();
  expect([stateOf(rig), value(rig, 0x400a)]).toEqual([0, 0]);
  rig.pile.setVehicle({ plugged: true, wantsCharge: false });
  rig.passMs(1000);
  expect([stateOf(rig), value(rig, 0x400a)]).toEqual([1, 0x0111]);
  rig.writeMany(0x4100, 0, 16_000);
  rig.passMs(1000);
  expect(stateOf(rig)).toBe(2);
  rig.pile.setVehicle({ wantsCharge: true });
  rig.passMs(6000);
  expect([stateOf(rig), value(rig, 0x4010), value(rig, 0x401c)]).toEqual([4, 16_000, 11_040]);
  rig.writeMany(0x4100, 0, 0);
  rig.passMs(500);
  expect(stateOf(rig)).toBe(3);
});

test('HS-02 the session register counts from the plug-in and shows the last session until the next one', () => {
  const rig = charging();
  rig.passMs(600_000);
  const firstWh = value(rig, 0x401e);
  expect(firstWh).toBe(Math.floor(rig.pile.truth().energyTruthWh));
  rig.pile.setVehicle({ plugged: false });
  rig.passMs(1000);
  expect(value(rig, 0x401e)).toBe(Math.floor(rig.pile.truth().energyTruthWh));
  rig.pile.setVehicle({ plugged: true });
  expect(value(rig, 0x401e)).toBe(0);
});

test('HS-02 a stopped session stays stopped whatever the limit, until it is started or a new plug comes', () => {
  const rig = charging();
  rig.write(0x4105, SESSION_STOP);
  rig.writeMany(0x4100, 0, 16_000);
  rig.passMs(5000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, effectiveLimitA: 0 });
  expect([stateOf(rig), value(rig, 0x400a)]).toEqual([5, 0x0111]);
  rig.write(0x4105, SESSION_START);
  rig.passMs(5000);
  expect(stateOf(rig)).toBe(4);
});

test('HS-02 reads feed the communication timeout and writes do not; its loss is error 0x4000 and a pause', () => {
  const rig = charging();
  rig.write(0x4106, 30);
  expect(rig.read(3, 0x4020, 1)).toEqual([30]);
  rig.passMs(29_000);
  value(rig, 0x400c);
  rig.passMs(29_000);
  rig.writeMany(0x4100, 0, 16_000);
  expect(rig.pile.truth().watchdog.tripped).toBe(false);
  rig.passMs(2000);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 0, watchdog: { tripped: true, timeoutMs: 30_000 } });
});

test('HS-02 the error is there for the read that ends it, and gone for the next', () => {
  const rig = charging();
  rig.write(0x4106, 30);
  rig.passMs(31_000);
  expect([value(rig, 0x4008), value(rig, 0x4008)]).toEqual([0x4000, 0]);
  rig.passMs(5000);
  expect(rig.pile.truth().effectiveLimitA).toBe(16);
});
