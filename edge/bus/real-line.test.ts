import { mkdtempSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openPtyPair, type PtyPair } from '../../hardware-sim/line/pty-pair.ts';
import type { LineConfig } from '../config/site.ts';
import { systemClock, systemTimers } from '../runtime/system-time.ts';
import { openLine, silenceMsAt } from './open-line.ts';
import type { LineJob } from './request.ts';
import { obligingReply } from './testing.ts';

// Real pseudo-terminals and real sockets: what a slow, late or unplugged device does to the line. The slave here
// is played by hand; the simulator has its own tests.

const timing = { gapMs: 0, responseTimeoutMs: 100, slowestReplyMs: 300 };
const READ_LENGTH = 8;

const readJob = (address: number): LineJob => ({
  unit: 1,
  priority: 'poll',
  request: { fc: 3, address, count: 2 },
  timing,
});

/**
 * A slave that answers with the addresses that were asked for, each time after its own delay; null is never. As real
 * devices with a receive buffer do, it takes the next request when it is done with the last.
 */
function playSlave(pair: PtyPair, delaysMs: (number | null)[]): void {
  let received = Buffer.alloc(0);
  let done: Promise<void> = Promise.resolve();
  const answer = async (reply: Uint8Array, delayMs: number | null): Promise<void> => {
    if (delayMs === null) return;
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    pair.device.write(reply);
  };
  pair.device.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= READ_LENGTH) {
      const reply = obligingReply(received.subarray(0, READ_LENGTH));
      received = received.subarray(READ_LENGTH);
      const delayMs = delaysMs.shift();
      done = done.then(() => answer(reply, delayMs === undefined ? 0 : delayMs));
    }
  });
}

function serialLine(path: string) {
  const config: LineConfig = { lineId: 'L1', transport: 'serial', path, baud: 19_200, parity: 'even', stopBits: 1 };
  const line = openLine(config, { clock: systemClock, timers: systemTimers, tap: () => {} });
  onTestFinished(() => line.close());
  return line;
}

const outcome = (asked: Promise<readonly number[]>): Promise<string> =>
  asked.then(
    (words) => words.join(' '),
    (error: Error) => error.message.split(':')[0] ?? '',
  );

test('ED-04 trap 1: after one late reply, no following read returns the registers of the request before', async () => {
  const pair = await openPtyPair();
  onTestFinished(() => pair.close());
  playSlave(pair, [0, 150, 0, 0]);
  const line = serialLine(pair.path);
  const outcomes: string[] = [];
  for (const address of [0, 100, 200, 300, 400]) outcomes.push(await outcome(line.request(readJob(address))));
  expect(outcomes).toEqual(['0 1', 'timeout', '200 201', '300 301', '400 401']);
  expect(line.counters).toMatchObject({ timeouts: 1, crcErrors: 0, mismatches: 0, reopened: 1 });
});

test('ED-04 trap 1: requests asked for all at once are served one by one, each with its own registers', async () => {
  const pair = await openPtyPair();
  onTestFinished(() => pair.close());
  playSlave(pair, [30, 150, 0, 20, 0]);
  const line = serialLine(pair.path);
  const asked = [0, 100, 200, 300, 400].map((address) => outcome(line.request(readJob(address))));
  expect(await Promise.all(asked)).toEqual(['0 1', 'timeout', '200 201', '300 301', '400 401']);
});

test('ED-04 trap 2: an adapter that is pulled settles the request, and is used again when it is back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-line-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'adapter');
  const first = await openPtyPair();
  symlinkSync(first.path, path);
  playSlave(first, [0, null]);
  const line = serialLine(path);
  expect(await outcome(line.request(readJob(0)))).toBe('0 1');

  const pending = outcome(line.request({ ...readJob(1), timing: { ...timing, responseTimeoutMs: 5000 } }));
  const pulledMs = Date.now();
  setTimeout(() => void first.close(), 50);
  expect(await pending).toBe('closed');
  expect(Date.now() - pulledMs).toBeLessThan(1000);

  unlinkSync(path);
  expect(await outcome(line.request(readJob(2)))).toBe('unreachable');
  const second = await openPtyPair();
  onTestFinished(() => second.close());
  symlinkSync(second.path, path);
  playSlave(second, []);
  await expect.poll(() => outcome(line.request(readJob(3))), { timeout: 3000, interval: 100 }).toBe('3 4');
  expect(line.counters.reopened).toBe(2);
});

test('ED-01 a pile behind Modbus TCP: answers, drops the connection, and is connected again', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (bytes) => {
      const address = bytes.readUInt16BE(8);
      if (address === 666) return void socket.destroy();
      const words = Buffer.from([bytes[6] ?? 0, bytes[7] ?? 0, 4, 0, address, 0, address + 1]);
      const head = Buffer.from([bytes[0] ?? 0, bytes[1] ?? 0, 0, 0, 0, words.length]);
      // In two pieces, as a network may deliver it.
      socket.write(head);
      setTimeout(() => socket.write(words), 5);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const config: LineConfig = { lineId: 'T1', transport: 'tcp', host: '127.0.0.1', port };
  const line = openLine(config, { clock: systemClock, timers: systemTimers, tap: () => {} });
  onTestFinished(() => line.close());
  expect(await outcome(line.request(readJob(10)))).toBe('10 11');
  expect(await outcome(line.request(readJob(666)))).toBe('closed');
  await expect.poll(() => outcome(line.request(readJob(20))), { timeout: 3000, interval: 100 }).toBe('20 21');
  expect(sockets).toHaveLength(2);
});

test('ED-04 a host that is not there is unreachable, not a hang', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await new Promise((resolve) => server.close(resolve));
  const config: LineConfig = { lineId: 'T1', transport: 'tcp', host: '127.0.0.1', port };
  const line = openLine(config, { clock: systemClock, timers: systemTimers, tap: () => {} });
  expect(await outcome(line.request(readJob(10)))).toBe('unreachable');
  await line.close();
});

test.each([
  [9600, 4.01],
  [19_200, 2.005],
  [38_400, 1.75],
  [115_200, 1.75],
])('ED-04 at %i baud a frame is preceded by %f ms of silence', (baud, ms) => {
  expect(silenceMsAt(baud)).toBeCloseTo(ms, 2);
});
