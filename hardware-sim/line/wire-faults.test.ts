import { expect, test } from 'vitest';
import { type LineFault, lineFaultSchema } from '../faults/fault.ts';
import { lineNoise } from '../faults/line-noise.ts';
import { decodeRtu } from './rtu.ts';
import { mbapRead, openBench, READ, READ_REPLY } from './testing.ts';
import { exchangeMs, frameSilenceMs, transmissionMs } from './timing.ts';

const BAUD = 19200;
const DUE_MS = exchangeMs(BAUD, 8, 7, 10);

async function answerUnder(fault: Record<string, unknown>, seed = 1) {
  const bench = await openBench({}, { seed });
  bench.board.add('line:L', lineFaultSchema.parse(fault));
  bench.write(READ);
  bench.time.passMs(200);
  return bench;
}

test('HS-03 a wrong byte count comes with a right checksum and all of its data', async () => {
  const { heard } = await answerUnder({ kind: 'wrong-byte-count' });
  expect(heard.map(({ hex }) => hex.slice(0, 10))).toEqual(['0103043a98']);
  expect(decodeRtu(Buffer.from(heard[0]?.hex ?? '', 'hex'))).toMatchObject({ kind: 'frame', unit: 1 });
});

test('HS-03 a write reply has no byte count to get wrong', async () => {
  const echo = { execute: (request: Uint8Array) => ({ reply: request, kind: 'write' as const }) };
  const { board, time, write, heard } = await openBench({}, { devices: new Map([[1, echo]]) });
  board.add('line:L', { kind: 'wrong-byte-count', offBy: 2 });
  write('010601060 03c6826'.replace(' ', ''));
  time.passMs(200);
  expect(heard.map(({ hex }) => hex)).toEqual(['01060106003c6826']);
});

test('HS-03 a duplicate reply comes again after a silence and its own time on the wire', async () => {
  const { heard } = await answerUnder({ kind: 'duplicate-reply' });
  expect(heard.map(({ hex }) => hex)).toEqual([READ_REPLY, READ_REPLY]);
  expect(heard[0]?.atMs).toBeCloseTo(DUE_MS, 9);
  expect(heard[1]?.atMs).toBeCloseTo(DUE_MS + frameSilenceMs(BAUD) + transmissionMs(BAUD, 7), 9);
});

test('HS-03 a split reply comes in pieces with pauses', async () => {
  const { heard } = await answerUnder({ kind: 'split', pieces: 3, pauseMs: 25 });
  expect(heard.map(({ hex }) => hex)).toEqual(['0103', '023a98', 'ab4e']);
  const [first = 0, second = 0, third = 0] = heard.map(({ atMs }) => atMs);
  expect(second - first).toBeCloseTo(25 + transmissionMs(BAUD, 3), 9);
  expect(third - second).toBeCloseTo(25 + transmissionMs(BAUD, 2), 9);
});

test.each([
  ['before', /^(.{6})0103023a98ab4e$/],
  ['after', /^0103023a98ab4e(.{6})$/],
])('HS-03 noise %s a reply leaves the reply whole and costs its time on the wire', async (mode, shape) => {
  const { heard } = await answerUnder({ kind: 'noise', mode, bytes: 3 });
  expect(heard).toHaveLength(1);
  expect(heard[0]?.hex).toMatch(shape);
  expect(heard[0]?.atMs).toBeCloseTo(DUE_MS + transmissionMs(BAUD, 3), 9);
});

test('HS-03 noise inside a reply stands between its first and its last byte; the same seed makes the same noise', async () => {
  const noisy = async (seed: number): Promise<string> =>
    (await answerUnder({ kind: 'noise', mode: 'inside', bytes: 3 }, seed)).heard[0]?.hex ?? '';
  for (let seed = 1; seed <= 20; seed += 1) {
    const hex = await noisy(seed);
    expect(hex).toHaveLength(20);
    expect(hex.startsWith('01') && hex.endsWith('4e')).toBe(true);
    expect(insertions(hex, 6)).toContain(READ_REPLY);
  }
  expect(await noisy(3)).toBe(await noisy(3));
  expect(await noisy(3)).not.toBe(await noisy(4));
});

/** What remains of `hex` when `digits` digits are taken out at each byte. */
function insertions(hex: string, digits: number): string[] {
  return Array.from({ length: hex.length / 2 }, (_, at) => hex.slice(0, at * 2) + hex.slice(at * 2 + digits));
}

test('HS-03 noise between frames comes only while the line is idle, and ends with its fault', async () => {
  const { time, board, write, heard, slave } = await openBench({ baud: 1200 });
  const faultId = board.add('line:L', { kind: 'noise', mode: 'idle', bytes: 2, everyMs: 20 });
  time.passMs(1000);
  expect(heard.length).toBeGreaterThan(30);
  expect(heard.every(({ hex }) => hex.length === 4)).toBe(true);
  heard.splice(0);
  write(READ);
  time.passMs(exchangeMs(1200, 8, 7, 10));
  expect(heard.map(({ hex }) => hex)).toEqual([READ_REPLY]);
  expect(board.remove(faultId)).toBe(true);
  heard.splice(0);
  time.passMs(1000);
  expect(heard).toEqual([]);
  expect(slave.counters.crcErrors).toBe(0);
});

test('HS-03 noise on another line is not heard here', async () => {
  const { time, board, heard } = await openBench();
  board.add('line:M', { kind: 'noise', mode: 'idle', bytes: 2, everyMs: 20 });
  time.passMs(1000);
  expect(heard).toEqual([]);
  expect(board.list()[0]?.strikes).toBe(0);
  expect(lineNoise(board, 'L').nextInMs()).toBeUndefined();
  expect(lineNoise(board, 'M').nextInMs()).toBeGreaterThanOrEqual(10);
});

test('HS-03 noise between frames with a count ends by itself', async () => {
  const { time, board, heard } = await openBench();
  board.add('line:L', { kind: 'noise', mode: 'idle', bytes: 1, everyMs: 50, count: 3 });
  time.passMs(5000);
  expect(heard).toHaveLength(3);
  expect(board.list()).toEqual([]);
});

test('HS-03 a device that hangs up closes a socket without an answer; a serial line is silent', async () => {
  const serial = await answerUnder({ kind: 'hang-up', count: 1 });
  expect([serial.heard, serial.closed]).toEqual([[], []]);
  serial.write(READ);
  serial.time.passMs(200);
  expect(serial.heard).toHaveLength(1);

  const tcp = await openBench({ transport: 'tcp' });
  tcp.board.add('line:L', { kind: 'hang-up' });
  tcp.write(mbapRead(1, 0x0101));
  tcp.time.passMs(10);
  expect([tcp.heard, tcp.closed]).toEqual([[], ['closed by the device']]);
});

test('HS-03 a device whose register image hangs up does the same', async () => {
  const rude = { execute: () => ({ reply: new Uint8Array(0), kind: 'hang-up' as const }) };
  const tcp = await openBench({ transport: 'tcp' }, { devices: new Map([[1, rude]]) });
  tcp.write(mbapRead(1, 0x0101));
  tcp.time.passMs(10);
  expect([tcp.heard, tcp.closed]).toEqual([[], ['closed by the device']]);
  const serial = await openBench({}, { devices: new Map([[1, rude]]) });
  serial.write(READ);
  serial.time.passMs(200);
  expect([serial.heard, serial.closed]).toEqual([[], []]);
});

test.each([
  { kind: 'noise' },
  { kind: 'noise', mode: 'before', everyMs: 10 },
  { kind: 'wrong-byte-count', offBy: 0 },
  { kind: 'split', pieces: 1 },
  { kind: 'unplugged', count: 2 },
] as unknown as LineFault[])('HS-03 the line fault %j is refused', (fault) => {
  expect(lineFaultSchema.safeParse(fault).success).toBe(false);
});
