import { expect, test } from 'vitest';
import type { RawDevice } from './raw-device.ts';
import { encodeRtu } from './rtu.ts';
import { openBench, READ, READ_REPLY } from './testing.ts';
import { exchangeMs } from './timing.ts';

// A DL/T 645-2007 read of the forward active energy, wake-up bytes first, and its reply (data bytes carry 33H on top).
const ASK_METER = 'fefefefe68112233445566681104333334338516'.replace(/8516$/, 'af16');
const METER_REPLY = '6811223344556668910833333433ab896745f816';
const deaf: RawDevice = { deviceId: 'deaf', hear: () => undefined };
const meter: RawDevice = {
  deviceId: 'M1',
  hear: (frame) =>
    Buffer.from(frame).toString('hex') === ASK_METER ? Uint8Array.from(Buffer.from(METER_REPLY, 'hex')) : undefined,
};
const openWithMeter = () => openBench({ baud: 2400, turnaroundMs: 30 }, { rawDevices: [deaf, meter] });
const DUE_MS = exchangeMs(2400, ASK_METER.length / 2, METER_REPLY.length / 2, 30);

test('HS-01 a device of another protocol shares the line with a pile, at the same pace', async () => {
  const { time, write, heard, slave } = await openWithMeter();
  write(ASK_METER);
  time.passMs(500);
  expect(heard.map(({ hex }) => hex)).toEqual([METER_REPLY]);
  expect(heard[0]?.atMs).toBeCloseTo(DUE_MS, 9);
  write(READ);
  time.passMs(500);
  expect(heard.map(({ hex }) => hex)).toEqual([METER_REPLY, READ_REPLY]);
  expect(slave.counters).toMatchObject({ requests: 1, replies: 1, rawReplies: 1, crcErrors: 0, unknownUnit: 0 });
});

test('HS-01 what no device wants is counted: garbage as such, a Modbus request as one to a stranger', async () => {
  const { time, write, heard, slave } = await openWithMeter();
  write('0102030405');
  time.passMs(200);
  write(Buffer.from(encodeRtu(9, Uint8Array.of(3, 0, 0, 0, 1))).toString('hex'));
  time.passMs(200);
  expect(heard).toEqual([]);
  expect(slave.counters).toMatchObject({ requests: 1, crcErrors: 1, unknownUnit: 1, rawReplies: 0 });
});

test('HS-03 wire faults strike a device of another protocol too, by its own name or its line', async () => {
  const { time, board, write, heard, slave } = await openWithMeter();
  const ask = (): string[] => {
    heard.splice(0);
    write(ASK_METER);
    time.passMs(2000);
    return heard.map(({ hex }) => hex);
  };
  board.add('device:M1', { kind: 'silence', count: 1 });
  expect(ask()).toEqual([]);
  expect(slave.counters.crcErrors).toBe(0);
  board.add('line:L', { kind: 'crc-error', count: 1 });
  expect(ask()).toEqual([METER_REPLY.replace(/f816$/, 'f916')]);
  board.add('device:M1', { kind: 'truncate', keepBytes: 3, count: 1 });
  expect(ask()).toEqual(['681122']);
  board.add('device:M2', { kind: 'silence' });
  expect(ask()).toEqual([METER_REPLY]);
  board.add('device:M1', { kind: 'delay', delayMs: 700, count: 1 });
  const askedAtMs = time.clock.monoMs();
  expect(ask()).toEqual([METER_REPLY]);
  expect(heard[0]?.atMs).toBeCloseTo(askedAtMs + DUE_MS + 700, 6);
});

test('HS-01 a device of another protocol stands behind a gateway as well', async () => {
  const { time, write, heard } = await openBench({ transport: 'rtu-over-tcp', baud: 9600 }, { rawDevices: [meter] });
  write(ASK_METER);
  time.passMs(500);
  expect(heard.map(({ hex }) => hex)).toEqual([METER_REPLY]);
});
