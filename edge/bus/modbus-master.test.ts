import { describe, expect, test } from 'vitest';
import { mbapLine, rtuLine } from './open-line.ts';
import type { ReadRequest } from './request.ts';
import { bytesOf, frame, ManualTime, MemoryStream, outcomeOf } from './testing.ts';

const timing = { gapMs: 0, responseTimeoutMs: 200, slowestReplyMs: 800 };
/** Long enough for a timeout and the quiet after it, also when the device is spared already. */
const TURN_MS = 30_000;

function rig(transport: 'rtu' | 'mbap') {
  const time = new ManualTime();
  const stream = new MemoryStream(time);
  const common = { lineId: 'L1', stream, clock: time, timers: time, fineTimers: time, tap: () => {} };
  const { line, modbus } =
    transport === 'mbap'
      ? mbapLine(common)
      : rtuLine({ ...common, silenceMs: 4, wireMs: () => 0, hasTransactionIds: false, reconnectAfterFailures: null });
  /** Asks, and answers each question that goes out by the frames given for it. */
  const asked = async (read: ReadRequest, ...replies: (Uint8Array | null)[]): Promise<string> => {
    stream.onWrite = () => {
      const reply = replies.shift() ?? null;
      if (reply !== null) time.after(10, () => stream.receive(reply));
    };
    const outcome = outcomeOf(modbus.request({ unit: 1, priority: 'poll', request: read, timing }));
    await time.pass(TURN_MS);
    return outcome;
  };
  const sent = () => stream.written.map(({ hex }) => hex.slice(0, 12));
  return { time, stream, line, modbus, asked, sent };
}

const A: ReadRequest = { fc: 4, address: 0x10, count: 1 };
const B: ReadRequest = { fc: 4, address: 0x20, count: 1 };
const LONGER: ReadRequest = { fc: 4, address: 0x30, count: 2 };
const barrierAnswer = frame('01 03 02 00 99');

describe('ED-04 RTU: an answer that comes too late is never the next one’s', () => {
  test('before a read that it could be taken for, a read of another function is asked', async () => {
    const { asked, sent } = rig('rtu');
    expect(await asked(A, null)).toBe('timeout');
    expect(await asked(B, barrierAnswer, frame('01 04 02 00 20'))).toBe('32');
    expect(sent()).toEqual(['010400100001', '010300200001', '010400200001']);
    expect(await asked(A, frame('01 04 02 00 10'))).toBe('16');
  });

  test('the late one comes in place of the barrier’s answer, and is refused', async () => {
    const { asked } = rig('rtu');
    expect(await asked(A, null)).toBe('timeout');
    expect(await asked(B, frame('01 04 02 00 10'))).toBe('mismatch');
    expect(await asked(B, barrierAnswer)).not.toBe('16');
  });

  test('a read that it cannot be taken for goes out at once', async () => {
    const { asked, sent } = rig('rtu');
    expect(await asked(A, null)).toBe('timeout');
    expect(await asked(LONGER, frame('01 04 04 00 30 00 31'))).toBe('48 49');
    expect(sent()).toHaveLength(2);
    // Its answer shows that the one before is not coming any more.
    expect(await asked(B, frame('01 04 02 00 20'))).toBe('32');
    expect(sent()).toHaveLength(3);
  });

  test('a device that has nothing there refuses the barrier, and that is an answer to it', async () => {
    const { asked } = rig('rtu');
    expect(await asked(A, null)).toBe('timeout');
    expect(await asked(B, frame('01 83 02'), frame('01 04 02 00 20'))).toBe('32');
  });

  test.each([1, 2, 3, 4, 5, 8, 12])(
    'an answer that a gateway has kept while the unit was silent to %i questions is not believed',
    async (silentTo) => {
      const { asked } = rig('rtu');
      expect(await asked(A, null)).toBe('timeout');
      for (let i = 0; i < silentTo; i += 1) expect(await asked(B, null)).toBe('timeout');
      expect(await asked(B, frame('01 04 02 00 10'))).toBe('mismatch');
    },
  );

  test('a late refusal does not end a question of the same function: its own answer may still come', async () => {
    const { asked } = rig('rtu');
    expect(await asked(A, null)).toBe('timeout');
    expect(await asked(LONGER, frame('01 84 02'))).toBe('mismatch');
    // What was asked last is still open, so its answer is not taken for that of another read of its length.
    expect(await asked({ ...LONGER, address: 0x40 }, frame('01 04 04 00 30 00 31'))).toBe('mismatch');
  });

  test('a gateway that says the device did not answer has not ended the question', async () => {
    const { asked } = rig('rtu');
    expect(await asked(A, frame('01 84 0b'))).toBe('exception');
    expect(await asked(B, frame('01 04 02 00 10'))).toBe('mismatch');
  });

  test('a damaged answer is its own, and needs no barrier', async () => {
    const { asked, sent } = rig('rtu');
    expect(await asked(A, bytesOf('01 04 02 00 10 00 00'))).toBe('crc');
    expect(await asked(B, frame('01 04 02 00 20'))).toBe('32');
    expect(sent()).toHaveLength(2);
  });

  test('a damaged refusal may be an older one’s, and ends nothing', async () => {
    const { asked } = rig('rtu');
    expect(await asked(A, null)).toBe('timeout');
    expect(await asked(LONGER, bytesOf('01 84 02 00 00'))).toBe('crc');
    expect(await asked({ ...LONGER, address: 0x40 }, frame('01 04 04 00 30 00 31'))).toBe('mismatch');
  });

  test('an answer that comes twice in one piece is one answer', async () => {
    const { asked } = rig('rtu');
    const once = frame('01 04 02 00 10');
    expect(await asked(A, Uint8Array.of(...once, ...once))).toBe('16');
    expect(await asked(B, frame('01 04 02 00 20'))).toBe('32');
  });

  test('units do not mix: one that is silent puts no barrier before another', async () => {
    const { asked, modbus, stream, time, sent } = rig('rtu');
    expect(await asked(A, null)).toBe('timeout');
    stream.onWrite = () => time.after(10, () => stream.receive(frame('02 04 02 00 10')));
    const other = outcomeOf(modbus.request({ unit: 2, priority: 'poll', request: A, timing }));
    await time.pass(100);
    expect(await other).toBe('16');
    expect(sent()).toHaveLength(2);
  });
});

describe('ED-04 Modbus TCP: an answer names its question', () => {
  const message = (id: number, body: string) => {
    const pdu = bytesOf(body);
    return Uint8Array.of(id >>> 8, id & 0xff, 0, 0, 0, pdu.length, ...pdu);
  };

  test('a late answer is passed over, alone or glued to the right one', async () => {
    const { asked } = rig('mbap');
    expect(await asked(A, null)).toBe('timeout');
    const late = message(1, '01 04 02 00 10');
    expect(await asked(B, Uint8Array.of(...late, ...message(2, '01 04 02 00 20')))).toBe('32');
    expect(await asked(B, late)).toBe('timeout');
  });

  test('a late answer that is cut in two by its deadline does not spoil the next', async () => {
    const { modbus, stream, time } = rig('mbap');
    const request = (read: ReadRequest) =>
      outcomeOf(modbus.request({ unit: 1, priority: 'poll', request: read, timing }));
    const late = request(A);
    await time.pass(199);
    stream.receive(bytesOf('00 01 00 00 00'));
    await time.pass(100);
    expect(await late).toBe('timeout');
    const next = request(B);
    await time.pass(1);
    stream.receive(bytesOf('05 01 04 02 00 10'));
    stream.receive(message(2, '01 04 02 00 20'));
    expect(await next).toBe('32');
  });

  test('the first half of one that nobody waits for is kept for its other half', async () => {
    const { modbus, stream, time } = rig('mbap');
    const late = outcomeOf(modbus.request({ unit: 1, priority: 'poll', request: A, timing }));
    await time.pass(300);
    expect(await late).toBe('timeout');
    stream.receive(bytesOf('00 01 00 00 00'));
    const next = outcomeOf(modbus.request({ unit: 1, priority: 'poll', request: B, timing }));
    await time.pass(1);
    stream.receive(Uint8Array.of(...bytesOf('05 01 04 02 00 10'), ...message(2, '01 04 02 00 20')));
    expect(await next).toBe('32');
  });

  test('half a message of a lost connection does not spoil the new one', async () => {
    const { modbus, stream, time } = rig('mbap');
    const request = (read: ReadRequest) =>
      outcomeOf(modbus.request({ unit: 1, priority: 'poll', request: read, timing }));
    const lost = request(A);
    await time.pass(2000);
    expect(await lost).toBe('timeout');
    stream.receive(bytesOf('00 01 00 00'));
    stream.lose();
    const next = request(B);
    await time.pass(1);
    stream.receive(message(2, '01 04 02 00 20'));
    expect(await next).toBe('32');
  });

  test('what cannot be cut into messages ends the connection, and the next question opens a new one', async () => {
    const { asked, stream } = rig('mbap');
    expect(await asked(A, bytesOf('00 01 99 99 00 05 01 04 02 00 10'))).toBe('mismatch');
    expect(stream.opened).toBe(1);
    expect(stream.isOpen).toBe(false);
    expect(await asked(A, message(2, '01 04 02 00 10'))).toBe('16');
    expect(stream.opened).toBe(2);
  });

  test.each([
    ['another unit', '02 04 02 00 10'],
    ['another function', '01 03 02 00 10'],
    ['another length', '01 04 04 00 10 00 11'],
    ['nothing but a unit and a function', '01 04'],
    ['fewer bytes than it says', '01 04 02 00'],
  ])('the right transaction with %s is broken, not an answer', async (_, body) => {
    expect(await rig('mbap').asked(A, message(1, body))).toBe('mismatch');
  });

  test('what is no Modbus at all is broken, and the next answer is understood', async () => {
    const { asked } = rig('mbap');
    expect(await asked(A, Uint8Array.from(Buffer.from('HTTP/1.1 400 Bad Request')))).toBe('mismatch');
    expect(await asked(B, message(2, '01 04 02 00 20'))).toBe('32');
  });

  test('transaction ids wrap around', async () => {
    const { modbus, stream } = rig('mbap');
    stream.onWrite = (bytes) => stream.receive(message((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0), '01 04 02 00 10'));
    for (let i = 0; i < 0x10001; i += 1) await modbus.request({ unit: 1, priority: 'poll', request: A, timing });
    expect(stream.written.slice(0xfffe).map(({ hex }) => hex.slice(0, 4))).toEqual(['ffff', '0000', '0001']);
  });
});
