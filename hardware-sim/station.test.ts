import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadStation } from './station.ts';

const DEMO_FILE = join(import.meta.dirname, 'stations', 'demo.json');

/** Loads the demo station after `change` has spoiled it. */
function loadChanged(change: (station: Record<string, never[]> & { piles: Record<string, unknown>[] }) => void) {
  const folder = mkdtempSync(join(tmpdir(), 'station-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const station = JSON.parse(readFileSync(DEMO_FILE, 'utf8'));
  change(station);
  const file = join(folder, 'changed.json');
  writeFileSync(file, JSON.stringify(station));
  return { file, loaded: loadStation(file) };
}

test('HS-01 the demo station has piles of every transport, a meter and a lock on serial lines of their own', () => {
  const loaded = loadStation(DEMO_FILE);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  expect(loaded.station.lines.map((line) => line.transport)).toEqual([
    'serial',
    'tcp',
    'tcp',
    'rtu-over-tcp',
    'serial',
    'serial',
  ]);
  expect(loaded.station.piles.map((pile) => pile.pileId)).toEqual(['A1', 'A2', 'B1', 'B2', 'C1']);
  expect(loaded.station.meters.map((meter) => meter.measures)).toEqual(['C1']);
  expect(loaded.station.locks.map((lock) => lock.pileId)).toEqual(['C1']);
});

test.each([
  ['an unknown key', { colour: 'red' }, 'piles.1', /colour/],
  ['two piles on one socket', { unit: 1 }, 'piles.1.unit', /two piles on rtu1 unit 1 socket 1/],
  ['a socket beyond 48', { socket: 49 }, 'piles.1.socket', /48/],
  [
    'sockets of one unit that answer at different pace',
    { unit: 1, socket: 2, turnaroundMs: 5 },
    'piles.1.turnaroundMs',
    /differ/,
  ],
  ['an unknown model', { model: 'perpetuum' }, 'piles.1.model', /Invalid option/],
  ['an unknown line', { lineId: 'rtu9' }, 'piles.1.lineId', /no line rtu9/],
  ['a doubled pile', { pileId: 'A1' }, 'piles.1.pileId', /named twice/],
])('HS-01 %s is refused with file, path and reason', (_name, change, path, reason) => {
  const { file, loaded } = loadChanged((station) => void Object.assign(station.piles[1] ?? {}, change));
  if (loaded.ok) throw new Error('was taken');
  expect(loaded.file).toBe(file);
  expect(loaded.problems[0]?.path).toBe(path);
  expect(loaded.problems[0]?.reason).toMatch(reason);
});

test.each([
  [{ replay: 'field.jsonl' }, 'piles.0.lineId', /rtu1 replays a recording/],
  [{ path: 'by-id/usb' }, 'lines.0.path', /absolute/],
  [{ baud: 300 }, 'lines.0.baud', /1200/],
])('HS-01 a serial line with %j is refused', (change, path, reason) => {
  const { loaded } = loadChanged((station) => void Object.assign(station.lines?.[0] ?? {}, change));
  if (loaded.ok) throw new Error('was taken');
  expect(loaded.problems[0]?.path).toBe(path);
  expect(loaded.problems[0]?.reason).toMatch(reason);
});

test('HS-01 a gateway line waits a second for its devices unless it is told otherwise', () => {
  const gateway = { lineId: 'gw', transport: 'rtu-over-tcp', host: '127.0.0.1', port: 0, baud: 9600, turnaroundMs: 5 };
  const { loaded } = loadChanged((station) => void station.lines?.push(gateway as never));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  expect(loaded.station.lines.at(-1)).toEqual({ ...gateway, replyTimeoutMs: 1000 });
});

test('HS-01 a file that is not there is refused by name', () => {
  const loaded = loadStation('/nowhere/station.json');
  expect(loaded).toMatchObject({ ok: false, file: '/nowhere/station.json' });
});
