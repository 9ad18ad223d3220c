import { expect, test } from 'vitest';
import { createPileRig, type PileRig } from './pile-rig.ts';
import { askHex, askTcp, u32Low, u64Low } from './rig-values.ts';

const LIFE_BIT = '00 07 00 00 00 06 ff 06 0f a0 00 01';

function station(vehicle = {}, options = {}): PileRig {
  return createPileRig('schneider-evlink-pro-ac', { vehicle, options, initialRegisterWh: 9_000_000.4 });
}

function passAlive(rig: PileRig, durationMs: number): void {
  for (let elapsedMs = 0; elapsedMs < durationMs; elapsedMs += 2000) {
    askTcp(rig, LIFE_BIT);
    rig.passMs(2000);
  }
}

function charging(vehicle = {}, options = {}): PileRig {
  const rig = station({ plugged: true, ...vehicle }, options);
  rig.write(4004, 16);
  passAlive(rig, 8000);
  expect(rig.pile.truth().contactorClosed).toBe(true);
  return rig;
}

test('HS-01 the traced reply of 10.937 kW comes with the low word first', () => {
  const powerW = Buffer.from('412efec6', 'hex').readFloatBE() * 1000;
  const rig = charging({ maxCurrentA: powerW / 690 });
  expect(askHex(rig, '03 0bf3 0002')).toBe('0304fec6412e');
});

test('HS-01 the derived life bit is taken and the station takes it back within a second', () => {
  const rig = station();
  expect(askTcp(rig, LIFE_BIT)).toBe('060fa00001');
  expect(rig.read(3, 4000, 1)).toEqual([1]);
  rig.passMs(1000);
  expect(rig.read(3, 4000, 1)).toEqual([0]);
});

test('HS-01 an unmapped address inside the range reads as 0xFFFF, alone and between values', () => {
  const rig = station();
  expect(askHex(rig, '03 0002 0001')).toBe('0302ffff');
  expect(rig.read(3, 4002, 5)).toEqual([0, 0, 0, 0, 0]);
  expect(rig.read(3, 4013, 8)).toEqual([0, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0]);
});

test.each([
  ['an address beyond the range', '03 1388 0001', '8302'],
  ['a block that leaves the range', '03 1387 0002', '8302'],
  ['a set-point of 33 A', '06 0fa4 0021', '8603'],
  ['a life bit of 3', '06 0fa0 0003', '8603'],
  ['an unknown command', '06 0fa1 0004', '8603'],
  ['a write to an unmapped address', '06 0002 0001', '8602'],
  ['FC04', '04 0001 0001', '8401'],
])('HS-01 %s is refused', (_name, request, reply) => {
  expect(askHex(station(), request)).toBe(reply);
});

test('HS-02 the state walks 2, 3, 7, 8, 3', () => {
  const rig = station();
  const seen = [rig.read(3, 1, 1)[0]];
  const look = (): void => {
    passAlive(rig, 6000);
    seen.push(rig.read(3, 1, 1)[0]);
  };
  rig.pile.setVehicle({ plugged: true, wantsCharge: false });
  look();
  rig.write(4004, 99);
  look();
  expect(rig.pile.truth().effectiveLimitA).toBe(32);
  rig.pile.setVehicle({ wantsCharge: true });
  look();
  rig.write(4004, 0);
  look();
  expect(seen).toEqual([2, 3, 7, 8, 3]);
});

test('HS-02 measured values stand still for a second, settings do not', () => {
  const rig = charging();
  rig.passMs(50);
  const before = u64Low(rig, 3, 3203);
  rig.passMs(850);
  rig.write(4004, 10);
  expect([u64Low(rig, 3, 3203), rig.read(3, 4004, 1)]).toEqual([before, [10]]);
  rig.passMs(250);
  expect(u64Low(rig, 3, 3203)).toBeGreaterThan(before);
});

test('HS-02 total and session energy are the truth in Wh as of the last second', () => {
  const rig = charging();
  passAlive(rig, 600_000);
  rig.pile.setVehicle({ wantsCharge: false });
  passAlive(rig, 4000);
  const wh = rig.pile.truth().energyTruthWh;
  expect(wh).toBeGreaterThan(1800);
  expect(u64Low(rig, 3, 3203)).toBe(Math.floor(9_000_000.4 + wh));
  expect(u32Low(rig, 3, 4012)).toBe(Math.floor(wh));
});

test('HS-02 only the life bit feeds supervision; without it the degraded set-point rules until the next one', () => {
  const rig = charging();
  rig.write(4006, 8);
  rig.write(4005, 6);
  for (let second = 0; second < 10; second += 1) {
    rig.passMs(1000);
    rig.write(4004, 16);
  }
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 8, watchdog: { tripped: true, timeoutMs: 10_000 } });
  rig.passMs(3000);
  expect(rig.pile.truth().currentA).toEqual([8, 8, 8]);
  askTcp(rig, LIFE_BIT);
  rig.passMs(5000);
  expect(rig.pile.truth()).toMatchObject({ currentA: [16, 16, 16], watchdog: { tripped: false } });
});

test('HS-02 a degraded set-point of 0 stops the charge, and a life bit of 2 switches supervision off', () => {
  const stopped = charging();
  stopped.passMs(13_000);
  expect(stopped.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
  const unsupervised = charging();
  unsupervised.write(4000, 2);
  unsupervised.passMs(600_000);
  expect(unsupervised.pile.truth()).toMatchObject({ contactorClosed: true, watchdog: { enabled: false } });
});

test.each([
  ['stop', 3, 8, false],
  ['suspend', 7, 0, true],
  ['unavailable', 41, 0, false],
  ['reboot', 9, 7, false],
])(
  'HS-02 the command %s ends the charge with its cause; only a suspended one restarts',
  (_name, command, cause, restarts) => {
    const rig = charging();
    rig.write(4001, command);
    passAlive(rig, 4000);
    expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
    expect(rig.read(3, 4011, 1)).toEqual([cause]);
    rig.write(4001, 8);
    passAlive(rig, 8000);
    expect(rig.pile.truth().contactorClosed).toBe(restarts);
  },
);

test('HS-02 a stopped session ends with the plug, and pulling the plug is a cause of its own', () => {
  const rig = charging();
  rig.write(4001, 3);
  passAlive(rig, 4000);
  rig.pile.setVehicle({ plugged: false });
  passAlive(rig, 2000);
  expect(rig.read(3, 4011, 1)).toEqual([8]);
  rig.pile.setVehicle({ plugged: true });
  passAlive(rig, 8000);
  expect(rig.pile.truth().contactorClosed).toBe(true);
  rig.pile.setVehicle({ plugged: false });
  passAlive(rig, 2000);
  expect(rig.read(3, 4011, 1)).toEqual([2]);
});
