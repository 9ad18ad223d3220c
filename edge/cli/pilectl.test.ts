import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import type { LineView } from '../runtime/site-lines.ts';
import { controlSocketPath, openControlSocket } from './control-socket.ts';

const PILECTL = join(import.meta.dirname, 'pilectl.ts');

const counters = { requests: 120, answers: 117, timeouts: 2, crcErrors: 1, mismatches: 0, exceptions: 0 };
const lineView: LineView = {
  lineId: 'rtu1',
  transport: 'serial',
  utilisation: 0.4256,
  counters: { ...counters, opened: 1, busyMs: 1000, sinceMonoMs: 0, strayBytes: 3 },
  devices: [{ device: 'unit 2', counters: { ...counters, replyMs: 41.26, longestReplyMs: 88, spared: 4 } }],
};

async function type(...words: string[]) {
  const child = spawn(process.execPath, [PILECTL, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { out, err, code };
}

/** A site with one latched connector that refuses to be reset while current flows. */
async function site(refusal: string | null = null) {
  const dataDir = mkdtempSync(join(tmpdir(), 'pilegate-pilectl-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const resets: string[] = [];
  const moves: string[] = [];
  const view = { pileId: 'A1', connectorId: 'DEMO-A1', status: 'faulted', observedAtMs: 0, plugged: true } as const;
  const rest = { sessionId: null, energyWh: 1234, powerW: 0, currentMa: 16_000, temperatureC: null } as const;
  const control = await openControlSocket(dataDir, {
    status: () => ({ siteId: 'demo', connectors: [{ ...view, ...rest, faults: ['stop-not-proven'] }], sync: null }),
    lines: () => [lineView],
    parking: () => [
      { deviceId: 'lock-1', connectorId: 'DEMO-A1', position: 'up', bay: 'empty', batteryPercent: 80, fault: null },
    ],
    move: (deviceId, to) => {
      moves.push(`${to} ${deviceId}`);
      if (deviceId !== 'lock-1') return null;
      return Promise.resolve(to === 'lower' ? { kind: 'done' } : { kind: 'failed', reason: 'bay-occupied' });
    },
    reset: (connectorId) => {
      resets.push(connectorId);
      return refusal === null ? { cleared: ['stop-not-proven'] } : { refused: refusal };
    },
    log: pino({ level: 'silent' }),
  });
  onTestFinished(() => control.close());
  return { dataDir, resets, moves };
}

test('ED-16 status shows every connector with units, and what is wrong', async () => {
  const { dataDir } = await site();
  const { out, code } = await type('--data', dataDir, 'status');
  expect(code).toBe(0);
  expect(out).toMatch(/DEMO-A1\s+faulted\s+16\.0 A\s+1\.234 kWh\s+-\s+stop-not-proven/);
});

test('ED-16 ED-07 only "reset" and a connector resets; anything else is answered by how to use it', async () => {
  const { dataDir, resets } = await site();
  for (const words of [
    ['status', 'DEMO-A1'],
    ['reset'],
    ['reset', 'DEMO-A1', 'now'],
    ['stop'],
    ['lines', 'rtu1'],
    ['lower'],
    ['--help'],
    [],
  ]) {
    const { err, code } = await type('--data', dataDir, ...words);
    expect({ words, code, isUsage: err.startsWith('pilectl --data') }).toEqual({ words, code: 2, isUsage: true });
  }
  expect(resets).toEqual([]);
  expect(await type('--data', dataDir, 'reset', 'DEMO-A1')).toMatchObject({ out: 'done\n', code: 0 });
  expect(resets).toEqual(['DEMO-A1']);
});

test('ED-07 a reset that is refused says why', async () => {
  const { dataDir } = await site('16.0 A still flow: cut the pile off first');
  expect(await type('--data', dataDir, 'reset', 'DEMO-A1')).toMatchObject({
    err: 'not done: 16.0 A still flow: cut the pile off first\n',
    code: 1,
  });
});

test('ED-16 ED-04 lines shows what every line and device has been asked and how it answered', async () => {
  const { dataDir } = await site();
  const { out, code } = await type('--data', dataDir, 'lines');
  expect(code).toBe(0);
  expect(out).toMatch(/^rtu1\s+120\s+117\s+2\s+1\s+0\s+0$/m);
  expect(out).toContain('serial, 42.6 % of the time used, opened 1 times, 3 stray bytes');
  expect(out).toMatch(/^ {2}unit 2\s+120\s+117\s+2\s+1\s+0\s+0\s+41\.3 ms\s+88\.0 ms\s+silent: 4 requests spared$/m);
});

test('ED-17 a ground lock is shown, lowered by hand, and a move that is refused says why', async () => {
  const { dataDir, moves } = await site();
  expect((await type('--data', dataDir, 'parking')).out).toMatch(/lock-1\s+DEMO-A1\s+up\s+empty\s+80 %/);
  expect(await type('--data', dataDir, 'lower', 'lock-1')).toMatchObject({ out: 'done\n', code: 0 });
  expect(await type('--data', dataDir, 'raise', 'lock-1')).toMatchObject({ err: 'not done: bay-occupied\n', code: 1 });
  expect(await type('--data', dataDir, 'lower', 'lock-9')).toMatchObject({
    err: 'not done: no parking device lock-9\n',
    code: 1,
  });
  expect(moves).toEqual(['lower lock-1', 'raise lock-1', 'lower lock-9']);
});

test.each([
  ['nothing', ''],
  ['half an answer', '{"ok":true,"sho'],
  ['what is no answer', 'null'],
])('ED-16 an edge that ends while it is asked, and has said %s, does not answer', async (_, said) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'pilegate-pilectl-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  mkdirSync(join(dataDir, 'run'));
  const edge = createServer((socket) => void socket.once('data', () => socket.end(said)));
  edge.listen(controlSocketPath(dataDir));
  await once(edge, 'listening');
  onTestFinished(() => void edge.close());
  const { out, err, code } = await type('--data', dataDir, 'status');
  expect({ out, code }).toEqual({ out: '', code: 1 });
  expect(err).toMatch(/^The edge does not answer: .+\nIs it running with this data folder\?\n$/);
});
