import { expect, test } from 'vitest';
import { stationSchema } from './station.ts';
import { createManualTime } from './world/manual-clock.ts';
import { createWorld } from './world.ts';

const SERIAL = { lineId: 'rtu1', transport: 'serial', baud: 19200, parity: 'even', stopBits: 1, turnaroundMs: 8 };
const pileOf = (pileId: string, more: Record<string, unknown>) => ({
  pileId,
  lineId: 'rtu1',
  initialRegisterWh: 1000,
  ...more,
});

function worldOf(...piles: unknown[]) {
  const station = stationSchema.parse({ stationId: 's', seed: 1, lines: [SERIAL], piles });
  const time = createManualTime(1000);
  const world = createWorld(station, 1, time.clock);
  const slave = world.slaves.get('rtu1');
  if (slave === undefined) throw new Error('no line rtu1');
  return { time, world, slave };
}

test('HS-01 a pile may have a turnaround of its own', () => {
  const { slave } = worldOf(
    pileOf('A1', { model: 'heidelberg-energy-control', unit: 1, turnaroundMs: 31 }),
    pileOf('A2', { model: 'heidelberg-energy-control', unit: 2 }),
  );
  const request = Uint8Array.of(4, 0, 5, 0, 1);
  expect(slave.handle(1, request)?.turnaroundMs).toBe(31);
  expect(slave.handle(2, request)?.turnaroundMs).toBeUndefined();
});

test('HS-03 several connectors behind one unit are one device on the wire, and each may be at fault', () => {
  const { world, slave } = worldOf(
    pileOf('C1', { model: 'phoenix-charx-sec', unit: 1, socket: 1 }),
    pileOf('C2', { model: 'phoenix-charx-sec', unit: 1, socket: 2 }),
  );
  const request = Uint8Array.of(3, 0, 100, 0, 1);
  expect(slave.handle(1, request)).toBeDefined();
  world.faults.add('pile:C2', { kind: 'silence', count: 1 });
  expect(slave.handle(1, request)).toBeUndefined();
  expect(slave.counters.perUnit['1']).toMatchObject({ requests: 2, replies: 1 });
});

test('HS-03 a pile without mains is silent, and no fault is used up on it', () => {
  const { time, world, slave } = worldOf(pileOf('A1', { model: 'heidelberg-energy-control', unit: 1 }));
  world.faults.add('pile:A1', { kind: 'power-cut', durationMs: 500 });
  world.faults.add('pile:A1', { kind: 'delay', delayMs: 5, count: 1 });
  time.passMs(100);
  expect(slave.handle(1, Uint8Array.of(4, 0, 5, 0, 1))).toBeUndefined();
  expect(world.faults.list()).toHaveLength(2);
});

test('HS-01 a line that replays needs its recording', () => {
  const station = stationSchema.parse({
    stationId: 's',
    seed: 1,
    lines: [{ ...SERIAL, replay: 'field.jsonl' }],
    piles: [],
  });
  expect(() => createWorld(station, 1, createManualTime().clock)).toThrow('no recording for line rtu1');
});
