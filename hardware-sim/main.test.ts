import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';

const MAIN = join(import.meta.dirname, 'main.ts');
const DEMO_FILE = join(import.meta.dirname, 'stations', 'demo.json');

function start(...args: string[]): ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream } {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

test('HS-01 the process announces its lines on one line of JSON and closes them on SIGTERM', async () => {
  const child = start('--station', DEMO_FILE);
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  const ready = JSON.parse(chunk.toString());
  expect(ready).toMatchObject({
    ready: true,
    lines: [
      { lineId: 'rtu1', transport: 'serial' },
      { lineId: 'tcp1', transport: 'tcp', host: '127.0.0.1' },
      { lineId: 'tcp2', transport: 'tcp', host: '127.0.0.1' },
    ],
    piles: [
      { pileId: 'A1', model: 'heidelberg-energy-control', lineId: 'rtu1', unit: 1 },
      { pileId: 'A2', lineId: 'rtu1', unit: 2 },
      { pileId: 'B1', model: 'keba-p30', lineId: 'tcp1', unit: 255 },
      { pileId: 'B2', model: 'keba-p30', lineId: 'tcp2', unit: 255 },
    ],
  });
  expect(existsSync(ready.lines[0].path)).toBe(true);
  expect((await fetch(`${ready.controlUrl}/truth`)).status).toBe(200);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('HS-01 a station file that is not there ends the process with code 2, the reason on stderr', async () => {
  const child = start('--station', '/nowhere/station.json');
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain('/nowhere/station.json');
});
