import { expect, test } from 'vitest';
import { HEALTHY } from '../faults/state-effects.ts';
import { createManualTime } from '../world/manual-clock.ts';
import { createDevices, type LineDevice, type PlacedPile } from './device.ts';
import type { ModelName } from './models.ts';
import { createPile } from './pile.ts';

const time = createManualTime(1000);

function placed(pileId: string, model: ModelName, unit: number, socket?: number): PlacedPile {
  const place = socket === undefined ? {} : { socket };
  const settings = {
    pileId,
    lineId: 'L',
    model,
    initialRegisterWh: 5000,
    startsPermitted: false,
    vehicle: {},
    ...place,
  };
  return { settings: { ...settings, unit }, pile: createPile(settings, time.clock, () => HEALTHY) };
}

function ask(device: LineDevice | undefined, hex: string): string {
  const request = Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  const answer = device?.execute(request, { exceptionCode: undefined, ignoreWrites: false });
  return Buffer.from(answer?.reply ?? []).toString('hex');
}

test('HS-01 connectors of a CHARX answer behind one unit, each in its own thousand', () => {
  const piles = [placed('C1', 'phoenix-charx-sec', 1, 1), placed('C2', 'phoenix-charx-sec', 1, 2)];
  const devices = createDevices(piles);
  expect([...devices.keys()]).toEqual([1]);
  const device = devices.get(1);
  expect(device?.pileIds).toEqual(['C1', 'C2']);
  piles[1]?.pile.setVehicle({ plugged: true });
  expect(ask(device, '06 08fc 0001')).toBe('0608fc0001');
  time.passMs(6000);
  expect([ask(device, '03 0513 0001'), ask(device, '03 08fb 0001')]).toEqual(['03024131', '03024332']);
  expect(piles.map(({ pile }) => pile.truth().contactorClosed)).toEqual([false, true]);
});

test('HS-01 a CHARX tells how many controllers it has; what no connector has is exception 2', () => {
  const device = createDevices([placed('C1', 'phoenix-charx-sec', 1, 1), placed('C3', 'phoenix-charx-sec', 1, 3)]).get(
    1,
  );
  expect([ask(device, '03 0072 0001'), ask(device, '04 0072 0001')]).toEqual(['03020002', '04020002']);
  expect(ask(device, '03 0064 000a')).toBe(`0314${Buffer.from('CHARX SEC-3100').toString('hex')}${'00'.repeat(6)}`);
  expect([ask(device, '03 08fb 0001'), ask(device, '01 0072 0001')]).toEqual(['8302', '8101']);
});

test('HS-01 sockets of an Alfen have units of their own, the station answers at 200', () => {
  const piles = [placed('S1', 'alfen-ng9xx', 1), placed('S2', 'alfen-ng9xx', 2)];
  const devices = createDevices(piles);
  expect([...devices.keys()]).toEqual([1, 2, 200]);
  expect(devices.get(200)?.pileIds).toEqual(['S1', 'S2']);
  expect(ask(devices.get(200), '03 0451 0001')).toBe('03020002');
  expect(ask(devices.get(200), '03 009d 000b').slice(4, 24)).toBe(Buffer.from('ACE0234567').toString('hex'));
  expect(ask(devices.get(200), '03 044c 0002')).toBe('030442000000');
  expect([ask(devices.get(200), '03 04b1 0005'), ask(devices.get(1), '03 0451 0001')]).toEqual(['8302', '8302']);
  ask(devices.get(2), '10 04ba 0002 04 4180 0000');
  time.passMs(50);
  expect(piles.map(({ pile }) => pile.truth().effectiveLimitA)).toEqual([0, 16]);
});

test('HS-01 a fault on one exchange reaches the registers that connectors share', () => {
  for (const [unit, device] of createDevices([placed('C1', 'phoenix-charx-sec', 1), placed('S1', 'alfen-ng9xx', 2)])) {
    const answer = device.execute(Uint8Array.of(3, 0, 100, 0, 1), { exceptionCode: 6, ignoreWrites: false });
    expect([unit, ...answer.reply]).toEqual([unit, 0x83, 6]);
  }
});

test('HS-01 boxes with one connector are each a device', () => {
  const devices = createDevices([
    placed('A', 'heidelberg-energy-control', 1),
    placed('B', 'heidelberg-energy-control', 7),
  ]);
  expect([...devices].map(([unit, { pileIds }]) => [unit, ...pileIds])).toEqual([
    [1, 'A'],
    [7, 'B'],
  ]);
});

test.each([
  ['two boxes at one unit', [placed('A', 'keba-p30', 255), placed('B', 'keba-p30', 255)], /several piles/],
  ['two models at one unit', [placed('A', 'keba-p30', 1), placed('B', 'phoenix-charx-sec', 1, 2)], /several piles/],
  ['a second socket of a box with one', [placed('A', 'keba-p30', 255, 2)], /has one per unit/],
  [
    'one socket twice',
    [placed('A', 'phoenix-charx-sec', 1, 2), placed('B', 'phoenix-charx-sec', 1, 2)],
    /second socket 2/,
  ],
  [
    'a box where the station answers',
    [placed('A', 'alfen-ng9xx', 1), placed('B', 'keba-p30', 200)],
    /unit 200 is taken/,
  ],
])('HS-01 %s is refused', (_name, piles, reason) => {
  expect(() => createDevices(piles)).toThrow(reason);
});
