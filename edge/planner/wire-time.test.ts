import { describe, expect, test } from 'vitest';
import { frameBytes, type ModbusRequest } from '../bus/request.ts';
import { timing } from './testing.ts';
import { transactionTime } from './wire-time.ts';

const read = (count: number): ModbusRequest => ({ fc: 3, address: 0, count });
const writeOne: ModbusRequest = { fc: 6, address: 0, word: 0 };

function totalMs(request: ModbusRequest, baud: number, gapMs = 0): number {
  const bytes = frameBytes(request);
  const time = transactionTime(bytes.request + bytes.reply, baud, { ...timing, gapMs });
  return Math.round((time.busyMs + time.gapMs) * 10) / 10;
}

describe('ED-04 a transaction takes as long as characters, silences, turnaround and gap add up to', () => {
  test.each([
    { baud: 9600, expected: [45.2, 65.8, 88.8, 180.4], write: 46.4, withGap: 165.8 },
    { baud: 19_200, expected: [32.6, 42.9, 54.4, 100.2], write: 33.2, withGap: 142.9 },
    { baud: 38_400, expected: [27.8, 33.0, 38.7, 61.6], write: 28.1, withGap: 133.0 },
    { baud: 115_200, expected: [24.9, 26.7, 28.6, 36.2], write: 25.0, withGap: 126.7 },
  ])('at $baud baud, in ms', ({ baud, expected, write, withGap }) => {
    expect([1, 10, 20, 60].map((registers) => totalMs(read(registers), baud))).toEqual(expected);
    expect(totalMs(writeOne, baud)).toBe(write);
    expect(totalMs(read(10), baud, 100)).toBe(withGap);
  });

  test('on a network only turnaround and gap count, whatever the length', () => {
    const time = transactionTime(133, null, { ...timing, gapMs: 30 });
    expect(time).toEqual({ busyMs: 20, gapMs: 30, unansweredMs: 500 });
  });

  test('without an answer a serial line is quiet until the slowest one can no longer come', () => {
    const { unansweredMs } = transactionTime(33, 9600, { ...timing, slowestReplyMs: 800 });
    expect(unansweredMs).toBeCloseTo(37.8125 + 4.0104 + 800, 3);
  });

  test('without an answer Modbus TCP loses the response timeout only', () => {
    expect(transactionTime(33, null, { ...timing, slowestReplyMs: 2000 }).unansweredMs).toBe(500);
  });
});
