import { expect, test } from 'vitest';
import { decodeRtu, encodeRtu } from '../line/rtu.ts';
import { createPileRig, type PileRig } from './pile-rig.ts';

function heidelberg(vehicle = {}): PileRig {
  return createPileRig('heidelberg-energy-control', { initialRegisterWh: 70_000.5, vehicle });
}

function onTheWire(rig: PileRig, hex: string): string {
  const frame = decodeRtu(Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')));
  if (frame.kind !== 'frame') throw new Error('not a frame');
  return Buffer.from(encodeRtu(frame.unit, Uint8Array.from(rig.ask(...frame.pdu)))).toString('hex');
}

test.each([
  ['01 03 01 01 00 01 d4 36', '0103023a98ab4e'],
  ['02 10 01 02 00 01 02 00 04 a2 41', '021001020001a1c6'],
  ['01 06 01 05 00 00 98 37', '010601050000' + '9837'],
  ['01 06 01 06 00 3c 68 26', '01060106003c6826'],
])('HS-01 the request %s gets the reply of the real box byte for byte', (request, reply) => {
  expect(onTheWire(heidelberg(), request)).toBe(reply);
});

test('HS-01 the limits of 16 A and 6 A and the stop are taken by FC16', () => {
  const rig = heidelberg();
  for (const [hex, limit] of [
    ['01 10 01 05 00 01 02 00 a0 b6 bd', 160],
    ['01 10 01 05 00 01 02 00 3c b6 d4', 60],
    ['01 10 01 05 00 01 02 00 00 b6 c5', 0],
  ] as const) {
    onTheWire(rig, hex);
    expect(rig.read(3, 261, 1)).toEqual([limit]);
  }
});

test('HS-01 the block 4 to 18 is read in one go', () => {
  const rig = heidelberg();
  expect(onTheWire(rig, '01 04 00 04 00 0f f1 cf')).toHaveLength((5 + 30) * 2);
  expect(rig.read(4, 4, 15)).toEqual([0x100, 2, 0, 0, 0, 220, 230, 230, 230, 1, 0, 0, 0, 1, 4464]);
});

test('HS-02 the state register walks A1, A2, B2, C2, B1 and 10 when locked', () => {
  const rig = heidelberg();
  const seen: number[] = [];
  const look = (): void => {
    rig.passMs(4000);
    seen.push(...rig.read(4, 5, 1));
  };
  look();
  rig.write(261, 160);
  look();
  rig.pile.setVehicle({ plugged: true, wantsCharge: false });
  look();
  rig.pile.setVehicle({ wantsCharge: true });
  look();
  rig.write(261, 0);
  look();
  rig.write(259, 0);
  look();
  expect(seen).toEqual([2, 3, 5, 7, 4, 10]);
});

test('HS-02 currents, power and both energy registers follow the charge', () => {
  const rig = heidelberg({ plugged: true, phases: 1, maxCurrentA: 10.04 });
  rig.write(257, 0);
  rig.write(261, 160);
  rig.passMs(3_600_000);
  expect(rig.read(4, 6, 3)).toEqual([100, 0, 0]);
  expect(rig.read(4, 14, 1)).toEqual([Math.round(10.04 * 230)]);
  const wh = rig.pile.truth().energyTruthWh;
  expect(rig.read(4, 15, 2)).toEqual([0, Math.floor(wh)]);
  const [high = 0, low = 0] = rig.read(4, 17, 2);
  expect(high * 65536 + low).toBe(Math.floor(70_000.5 + wh));
});

test.each([
  [
    [4, 0, 19, 0, 1],
    [0x84, 2],
  ],
  [
    [4, 1, 1, 0, 1],
    [0x84, 2],
  ],
  [
    [3, 0, 5, 0, 1],
    [0x83, 2],
  ],
  [
    [3, 1, 3, 0, 3],
    [0x83, 2],
  ],
  [
    [6, 1, 4, 0, 1],
    [0x86, 2],
  ],
  [
    [6, 1, 5, 0, 59],
    [0x86, 3],
  ],
  [
    [6, 1, 5, 0, 161],
    [0x86, 3],
  ],
  [
    [6, 1, 6, 0, 1],
    [0x86, 3],
  ],
  [
    [6, 1, 2, 0, 1],
    [0x86, 3],
  ],
  [
    [1, 0, 0, 0, 1],
    [0x81, 1],
  ],
])('HS-01 the request %j is refused with %j', (request, reply) => {
  expect(heidelberg().ask(...request)).toEqual(reply);
});

test('HS-02 after 15 s without traffic the failsafe current rules, until the next request of any kind', () => {
  const rig = heidelberg({ plugged: true });
  rig.write(262, 60);
  rig.write(261, 160);
  for (let round = 0; round < 4; round += 1) {
    rig.passMs(14_000);
    rig.read(4, 5, 1);
    expect(rig.pile.truth().effectiveLimitA).toBe(16);
  }
  rig.passMs(14_900);
  expect(rig.pile.truth().effectiveLimitA).toBe(16);
  rig.passMs(200);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 6, watchdog: { tripped: true, timeoutMs: 15_000 } });
  rig.ask(4, 0, 99, 0, 1);
  rig.passMs(100);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 16, watchdog: { tripped: false } });
});

test('HS-02 a failsafe current of 0 stops the charge, a timeout of 0 never does', () => {
  const rig = heidelberg({ plugged: true });
  rig.write(261, 160);
  rig.passMs(20_000);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 0, contactorClosed: false });
  rig.write(257, 0);
  rig.passMs(600_000);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 16, watchdog: { enabled: false, tripped: false } });
});

test('HS-02 a failsafe current above 0 makes a paused box charge when its controller is gone', () => {
  const rig = heidelberg({ plugged: true });
  rig.write(262, 80);
  rig.write(261, 0);
  rig.passMs(20_000);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 8, contactorClosed: true });
});
