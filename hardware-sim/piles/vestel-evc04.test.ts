import { expect, test } from 'vitest';
import { createPileRig, type PileRig } from './pile-rig.ts';
import { askHex, askTcp, text, u32 } from './rig-values.ts';

const ALIVE = '00 06 00 00 00 06 ff 06 17 70 00 01';

function box(vehicle = {}, options = {}): PileRig {
  return createPileRig('vestel-evc04', { vehicle, options, initialRegisterWh: 77_777.7 });
}

function passAlive(rig: PileRig, durationMs: number): void {
  for (let elapsedMs = 0; elapsedMs < durationMs; elapsedMs += 5000) {
    askTcp(rig, ALIVE);
    rig.passMs(5000);
  }
}

function charging(vehicle = {}): PileRig {
  const rig = box({ plugged: true, ...vehicle });
  rig.write(5004, 16);
  passAlive(rig, 10_000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
  return rig;
}

test('HS-01 the derived alive frame is taken and the box takes the 1 back at its next check', () => {
  const rig = box();
  rig.passMs(1000);
  expect(askTcp(rig, ALIVE)).toBe('0617700001');
  expect(rig.read(3, 6000, 1)).toEqual([1]);
  rig.passMs(9000);
  expect(rig.read(3, 6000, 1)).toEqual([0]);
});

test('HS-01 the serial number is ASCII, the firmware UTF-16', () => {
  const rig = box({}, { firmware: '3.157' });
  expect(text(rig, 4, 100, 25)).toBe('7312345678901');
  expect(askHex(rig, '04 00e6 0006')).toBe('040c' + '00760033002e003100350037');
  expect(text(rig, 4, 190, 10)).toBe('Vestel');
});

test.each([
  ['a block over two currents', '04 03f0 0003', '8402'],
  ['the state as a holding register', '03 03e8 0001', '8302'],
  ['a choice of 3 phases by their number', '06 0195 0003', '8603'],
  ['a failsafe current of 5 A', '06 07d0 0005', '8603'],
  ['a failsafe time of 0', '06 07d2 0000', '8603'],
  ['an alive value of 2', '06 1770 0002', '8603'],
  ['coils', '01 0000 0001', '8101'],
])('HS-01 %s is refused', (_name, request, reply) => {
  expect(askHex(box(), request)).toBe(reply);
});

test.each([
  ['3.155', '8302', '8402'],
  ['3.156', '8302', '0402' + '0000'],
  ['3.187', '0302' + '0001', '0402' + '0000'],
])('HS-01 firmware %s decides about phase choice and card number', (firmware, phases, card) => {
  const rig = box({}, { firmware });
  expect([askHex(rig, '03 0195 0001'), askHex(rig, '04 05ec 0001')]).toEqual([phases, card]);
});

test('HS-02 state, cable, current and power follow the charge', () => {
  const rig = box();
  const look = (): number[] => [1000, 1001, 1004].flatMap((address) => rig.read(4, address, 1));
  expect(look()).toEqual([0, 0, 0]);
  rig.pile.setVehicle({ plugged: true });
  rig.passMs(500);
  expect(look()).toEqual([1, 0, 3]);
  rig.write(5004, 16);
  passAlive(rig, 10_000);
  expect(look()).toEqual([2, 1, 3]);
  expect([...rig.read(4, 1008, 1), ...rig.read(4, 1014, 1), u32(rig, 4, 1020)]).toEqual([16_000, 230, 11_040]);
  rig.write(5004, 0);
  rig.passMs(3000);
  expect(look()).toEqual([3, 0, 3]);
});

test('HS-02 the total is the truth in steps of 0.1 kWh, the session in Wh', () => {
  const rig = charging();
  passAlive(rig, 1_200_000);
  const wh = rig.pile.truth().energyTruthWh;
  expect(u32(rig, 4, 1036)).toBe(Math.floor((77_777.7 + wh) / 100));
  expect(u32(rig, 4, 1502)).toBe(Math.floor(wh));
  expect(rig.pile.truth().reportedRegisterWh).toBeCloseTo(u32(rig, 4, 1036) * 100, 3);
});

test.each([0, 5])('HS-02 a set-point of %i A stops the charge', (limitA) => {
  const rig = charging();
  rig.write(5004, limitA);
  passAlive(rig, 5000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
});

test('HS-02 every half timeout the alive register is checked: reads do not help, the failsafe current takes over', () => {
  const rig = charging();
  rig.write(2000, 6);
  rig.write(2002, 20);
  rig.passMs(9000);
  askTcp(rig, ALIVE);
  for (let second = 0; second < 10; second += 1) {
    rig.passMs(1000);
    rig.read(4, 1000, 1);
  }
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 16, watchdog: { tripped: false, timeoutMs: 20_000 } });
  rig.passMs(1100);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 6, watchdog: { tripped: true } });
  rig.passMs(3000);
  expect(rig.pile.truth().currentA).toEqual([6, 6, 6]);
});

test('HS-02 the failed check closes the connection once, and its current stays in force until the set-point is written again', () => {
  const rig = charging();
  rig.passMs(20_000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, watchdog: { tripped: true } });
  expect(rig.ask(4, 0x03, 0xe8, 0, 1)).toEqual([]);
  expect(rig.read(4, 1000, 1)).toEqual([3]);
  passAlive(rig, 10_000);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 0, watchdog: { tripped: false } });
  expect(rig.read(3, 5004, 1)).toEqual([0]);
  rig.write(5004, 16);
  passAlive(rig, 10_000);
  expect(rig.pile.truth()).toMatchObject({ currentA: [16, 16, 16], watchdog: { tripped: false } });
});

test('HS-02 a set-point written while the failsafe current rules waits for the next alive', () => {
  const rig = charging();
  rig.write(2000, 6);
  rig.passMs(21_000);
  expect(rig.pile.truth().effectiveLimitA).toBe(6);
  rig.ask(4, 0x03, 0xe8, 0, 1);
  rig.write(5004, 16);
  rig.passMs(1000);
  expect(rig.pile.truth().effectiveLimitA).toBe(6);
  askTcp(rig, ALIVE);
  rig.passMs(1000);
  expect(rig.pile.truth().effectiveLimitA).toBe(16);
});

test('HS-02 one phase is connected after a pause', () => {
  const rig = charging();
  rig.write(405, 0);
  passAlive(rig, 10_000);
  expect(rig.pile.truth().currentA).toEqual([16, 0, 0]);
});

test('HS-02 a box that nobody has spoken to has no connection to close', () => {
  const rig = box();
  rig.passMs(60_000);
  expect(rig.read(4, 1000, 1)).toEqual([0]);
});

test('HS-02 a timeout below 6 s is checked every 3 s all the same', () => {
  const rig = charging();
  rig.write(2002, 2);
  askTcp(rig, ALIVE);
  rig.passMs(5900);
  expect(rig.pile.truth().watchdog.tripped).toBe(false);
  rig.passMs(200);
  expect(rig.pile.truth().watchdog.tripped).toBe(true);
});
