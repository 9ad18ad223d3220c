import { expect, test } from 'vitest';
import { createPileRig, type PileRig } from './pile-rig.ts';
import { askHex, askTcp, u32, u64 } from './rig-values.ts';

const SIXTEEN_AMPERE = '00 01 00 00 00 09 01 10 05 15 00 01 02 00 10';

function connector(socket: number, vehicle = {}): PileRig {
  return createPileRig('phoenix-charx-sec', { socket, vehicle, initialRegisterWh: 1_234_567.8 });
}

function charging(vehicle = {}): PileRig {
  const rig = connector(1, { plugged: true, ...vehicle });
  askTcp(rig, SIXTEEN_AMPERE);
  rig.write(1300, 1);
  rig.passMs(6000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
  return rig;
}

test('HS-01 the derived frame for 16 A at connector 1 is taken', () => {
  const rig = connector(1);
  expect(askTcp(rig, SIXTEEN_AMPERE)).toBe('1005150001');
  expect(rig.read(3, 1301, 1)).toEqual([16]);
});

test('HS-01 holding and input registers are the same, the high word first', () => {
  const rig = charging();
  for (const functionCode of [3, 4] as const) {
    expect(rig.read(functionCode, 1232, 12).filter((_, index) => index % 2 === 1)).toEqual([
      230_000 % 65_536,
      230_000 % 65_536,
      230_000 % 65_536,
      16_000,
      16_000,
      16_000,
    ]);
    expect(u32(rig, functionCode, 1244)).toBe(11_040_000);
  }
});

test('HS-01 the state is two characters, the letter in the high byte', () => {
  const rig = connector(3);
  expect(askHex(rig, '03 0ce3 0001')).toBe('03024131');
  rig.pile.setVehicle({ plugged: true });
  rig.passMs(500);
  expect(askHex(rig, '03 0ce3 0001')).toBe('03024231');
  expect(askHex(charging(), '04 0513 0001')).toBe('04024332');
});

test.each([
  ['another connector', '03 08fc 0001', '8302'],
  ['an enable of 2', '06 0514 0002', '8603'],
  ['a limit of 81 A', '06 0515 0051', '8603'],
  ['a write to a measured value', '06 04e8 0000', '8602'],
  ['coils', '01 0190 0001', '8101'],
])('HS-01 %s is refused', (_name, request, reply) => {
  expect(askHex(connector(1), request)).toBe(reply);
});

test('HS-02 total, session energy and times follow the charge', () => {
  const rig = charging();
  rig.passMs(600_000);
  const wh = rig.pile.truth().energyTruthWh;
  expect(u64(rig, 3, 1250)).toBe(Math.floor(1_234_567.8 + wh));
  expect(u32(rig, 3, 1289)).toBe(Math.floor(wh));
  expect(u32(rig, 3, 1285)).toBe(606);
  expect(u32(rig, 3, 1287)).toBeGreaterThan(600);
});

test.each([
  ['the limit 0', 1301, 0],
  ['a limit below 6 A', 1301, 5],
  ['disabling', 1300, 0],
])('HS-02 %s stops the charge', (_name, address, value) => {
  const rig = charging();
  rig.write(address, value);
  rig.passMs(3000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0], effectiveLimitA: 0 });
});

test('HS-02 there is no watchdog: ten hours of silence change nothing', () => {
  const rig = charging({ capacityWh: 1_000_000 });
  rig.passMs(36_000_000);
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 16, contactorClosed: true, watchdog: { enabled: false } });
});
