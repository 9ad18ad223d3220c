import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { formatFrame } from '#shared/frame-log.ts';

const MAIN = join(import.meta.dirname, 'main.ts');
const DEMO_FILE = join(import.meta.dirname, 'stations', 'demo.json');

function start(...args: string[]): ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream } {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

test('HS-01 the process announces its lines on one line of JSON and closes them on SIGTERM', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const report = join(folder, 'truth.json');
  const child = start('--station', DEMO_FILE, '--report', report);
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  const ready = JSON.parse(chunk.toString());
  expect(ready).toMatchObject({
    ready: true,
    lines: [
      { lineId: 'rtu1', transport: 'serial' },
      { lineId: 'tcp1', transport: 'tcp', host: '127.0.0.1' },
      { lineId: 'tcp2', transport: 'tcp', host: '127.0.0.1' },
      { lineId: 'gateway1', transport: 'rtu-over-tcp', host: '127.0.0.1' },
      { lineId: 'meters', transport: 'serial' },
      { lineId: 'locks', transport: 'serial' },
    ],
    piles: [
      { pileId: 'A1', model: 'heidelberg-energy-control', lineId: 'rtu1', unit: 1 },
      { pileId: 'A2', lineId: 'rtu1', unit: 2 },
      { pileId: 'B1', model: 'keba-p30', lineId: 'tcp1', unit: 255 },
      { pileId: 'B2', model: 'keba-p30', lineId: 'tcp2', unit: 255 },
      { pileId: 'C1', lineId: 'gateway1', unit: 1 },
    ],
  });
  expect(existsSync(ready.lines[0].path)).toBe(true);
  expect((await fetch(`${ready.controlUrl}/truth`)).status).toBe(200);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({
    piles: [{ pileId: 'A1' }, {}, {}, {}, {}],
    network: [],
  });
});

test('HS-01 a line replays the recording that lies beside the station file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'replay-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const frame = { wallMs: 1_700_000_000_000, lineId: 'field' };
  const log = [
    formatFrame({ ...frame, monoMs: 10, direction: 'sent', hex: '010301010001d436' }),
    formatFrame({ ...frame, monoMs: 12, direction: 'received', hex: '0103023a98ab4e' }),
  ].join('');
  writeFileSync(join(folder, 'field.jsonl'), log);
  const line = { lineId: 't', transport: 'tcp', host: '127.0.0.1', port: 0, turnaroundMs: 0, replay: 'field.jsonl' };
  writeFileSync(join(folder, 's.json'), JSON.stringify({ stationId: 's', seed: 1, lines: [line], piles: [] }));
  const child = start('--station', join(folder, 's.json'));
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  const socket = connect(JSON.parse(chunk.toString()).lines[0].port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.write(Buffer.from('000500000006010301010001', 'hex'));
  const [reply] = (await once(socket, 'data')) as [Buffer];
  expect(reply.toString('hex')).toBe('0005000000050103023a98');
});

test('HS-03 a scenario that does not fit the station ends the process with code 2', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'scenario-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'scenario.json');
  const steps = [{ atMs: 0, action: 'unplug', lineId: 'rtu9' }];
  writeFileSync(file, JSON.stringify({ scenarioId: 's', seed: 1, steps }));
  const child = start('--station', DEMO_FILE, '--scenario', file);
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect(code).toBe(2);
  expect(stderr).toContain('there is no line:rtu9');
});

test('HS-01 a station file that is not there ends the process with code 2, the reason on stderr', async () => {
  const child = start('--station', '/nowhere/station.json');
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain('/nowhere/station.json');
});
