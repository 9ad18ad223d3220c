import { expect, test } from 'vitest';
import type { ModelOptions } from './model-options.ts';
import { createPileRig, type PileRig } from './pile-rig.ts';
import { askHex, text, u32 } from './rig-values.ts';

function bender(vehicle = {}, options: ModelOptions = {}): PileRig {
  return createPileRig('bender-cc612', { vehicle, options, initialRegisterWh: 70_000.9 });
}

function charging(options: ModelOptions = {}): PileRig {
  const rig = bender({ plugged: true }, options);
  rig.write(132, 0);
  rig.write(1000, 16);
  rig.passMs(6000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
  return rig;
}

test('HS-01 the write of 16 A is echoed by FC06 and FC16', () => {
  const rig = bender();
  expect(askHex(rig, '06 03e8 0010')).toBe('0603e80010');
  expect(askHex(rig, '10 03e8 0001 02 0006')).toBe('1003e80001');
  expect(rig.read(3, 1000, 1)).toEqual([6]);
});

test.each([
  ['FC04', '04 007a 0001', '8401'],
  ['the finer limit of the 4You', '06 03e9 00a0', '8602'],
  ['a safe current below 6 A', '06 0083 0005', '8603'],
  ['a limit of 81 A', '06 03e8 0051', '8603'],
  ['a write to the pilot state', '06 007a 0001', '8602'],
  ['an address beside the table', '03 0071 0001', '8302'],
])('HS-01 %s is refused', (_name, request, reply) => {
  expect(askHex(bender(), request)).toBe(reply);
});

test('HS-01 what is not available reads as all ones', () => {
  const rig = charging();
  expect(askHex(rig, '03 00c8 0002')).toBe('0304ffffffff');
  expect(askHex(rig, '03 02da 0001')).toBe('0302ffff');
  expect(text(rig, 3, 142, 10)).toBe('CC612');
});

test('HS-01 reading 730 or 740 of a 4You closes the connection, alone or inside a block', () => {
  const rig = bender({}, { edition: '4you' });
  for (const [address, count] of [
    [730, 1],
    [740, 1],
    [720, 11],
    [735, 6],
  ] as const) {
    const request = Uint8Array.of(3, address >> 8, address & 0xff, 0, count);
    const answer = rig.pile.execute(request, { exceptionCode: undefined, ignoreWrites: false });
    expect(answer).toEqual({ reply: new Uint8Array(0), kind: 'hang-up' });
  }
  expect(rig.read(3, 720, 10)).toHaveLength(10);
});

test('HS-02 pilot, OCPP state and relays follow the charge', () => {
  const rig = bender();
  const look = (): number[] => [122, 123, 104, 140].flatMap((address) => rig.read(3, address, 1));
  expect(look()).toEqual([1, 0x0a, 0, 0]);
  rig.pile.setVehicle({ plugged: true });
  rig.passMs(500);
  expect(look()).toEqual([2, 0x0b, 5, 0]);
  rig.write(1000, 16);
  rig.passMs(6000);
  expect(look()).toEqual([3, 0x0c, 6, 1]);
  rig.write(1000, 0);
  rig.passMs(3000);
  expect(look()).toEqual([2, 0x0b, 7, 0]);
});

test('HS-02 total and session energy are the truth in Wh', () => {
  const rig = charging();
  rig.passMs(1_800_000);
  const wh = rig.pile.truth().energyTruthWh;
  expect(u32(rig, 3, 218)).toBe(Math.floor(70_000.9 + wh));
  expect([u32(rig, 3, 705), u32(rig, 3, 716)]).toEqual([Math.floor(wh), Math.floor(wh)]);
  expect([u32(rig, 3, 212), u32(rig, 3, 220)]).toEqual([16_000, 11_040]);
});

test.each([
  ['the limit 0', 1000, 0],
  ['a limit below 6 A', 1000, 5],
  ['making it unavailable', 124, 0],
  ['a power that is too little for three phases and too much for one', 1002, 4000],
  ['a power of 0', 1002, 0],
])('HS-02 %s stops the charge', (_name, address, value) => {
  const rig = charging();
  rig.write(address, value);
  rig.passMs(3000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
});

test('HS-02 a power of 3725 W forces one phase, 0xFFFF gives three back', () => {
  const rig = charging();
  rig.write(1002, 3725);
  rig.passMs(10_000);
  expect(rig.pile.truth().currentA).toEqual([16, 0, 0]);
  expect(rig.read(3, 140, 1)).toEqual([5]);
  rig.write(1002, 2300);
  rig.passMs(10_000);
  expect(rig.pile.truth().currentA).toEqual([10, 0, 0]);
  rig.write(1002, 0xffff);
  rig.passMs(10_000);
  expect(rig.pile.truth().currentA).toEqual([16, 16, 16]);
});

test('HS-02 the finer limit of the 4You is the same limit in 0.1 A', () => {
  const rig = charging({ edition: '4you' });
  rig.write(1001, 105);
  rig.passMs(5000);
  expect(rig.pile.truth().currentA).toEqual([10.5, 10.5, 10.5]);
  expect(rig.read(3, 1000, 2)).toEqual([10, 105]);
});

test('HS-02 without any request the safe current rules, until the next one', () => {
  const rig = charging();
  rig.write(131, 6);
  rig.write(132, 20);
  for (let round = 0; round < 3; round += 1) {
    rig.passMs(19_000);
    rig.read(3, 122, 1);
  }
  expect(rig.pile.truth()).toMatchObject({ effectiveLimitA: 16, watchdog: { tripped: false, timeoutMs: 20_000 } });
  rig.passMs(26_000);
  expect(rig.pile.truth()).toMatchObject({ currentA: [6, 6, 6], watchdog: { tripped: true } });
  rig.read(3, 122, 1);
  rig.passMs(5000);
  expect(rig.pile.truth()).toMatchObject({ currentA: [16, 16, 16], watchdog: { tripped: false } });
});

test('HS-02 a safe current of 0 stops a charge that has lost its controller', () => {
  const rig = charging();
  rig.write(132, 20);
  rig.passMs(23_000);
  expect(rig.pile.truth()).toMatchObject({ contactorClosed: false, currentA: [0, 0, 0] });
});

test('HS-02 a weld that the box has seen is bit 6 of the error field at 111', () => {
  const rig = charging();
  expect(u32(rig, 3, 111)).toBe(0);
  rig.fault({ kind: 'welded-contactor', vehicleKeepsDrawing: true, detectedByPile: true });
  rig.write(1000, 0);
  rig.passMs(8000);
  expect([u32(rig, 3, 111), ...rig.read(3, 104, 1)]).toEqual([1 << 6, 4]);
});
