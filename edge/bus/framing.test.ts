import { describe, expect, test } from 'vitest';
import { crc16, type Framing, type FramingVerdict, judgeReply, mbapFraming, rtuFraming, withCrc } from './framing.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const rtu = (body: string): Uint8Array => withCrc(hex(body));

// Frames of a Heidelberg wall box: seen on a real one, or derived from its register table and checked by program.
const READ_TIMEOUT = hex('01 03 01 01 00 01 d4 36');
const READ_TIMEOUT_REPLY = hex('01 03 02 3a 98 ab 4e');
const WRITE_STANDBY = hex('02 10 01 02 00 01 02 00 04 a2 41');
const WRITE_STANDBY_REPLY = hex('02 10 01 02 00 01 a1 c6');
const STOP = hex('01 06 01 05 00 00 98 37');

test.each([
  ['read of the watchdog timeout', READ_TIMEOUT],
  ['its reply', READ_TIMEOUT_REPLY],
  ['write of the standby', WRITE_STANDBY],
  ['its reply', WRITE_STANDBY_REPLY],
  ['another unit', hex('02 03 01 01 00 01 d4 05')],
  ['read of 4 to 18', hex('01 04 00 04 00 0f f1 cf')],
  ['16.0 A', hex('01 10 01 05 00 01 02 00 a0 b6 bd')],
  ['stop by FC06', STOP],
  ['failsafe 6 A', hex('01 06 01 06 00 3c 68 26')],
])('ED-04 the checksum of a frame from the field: %s', (_, frame) => {
  expect(crc16(frame)).toBe(0);
  expect(text(withCrc(frame.subarray(0, -2)))).toBe(text(frame));
});

/** Feeds byte by byte; the verdict before the last byte must always be "more". */
function byteByByte(framing: Framing, reply: Uint8Array): FramingVerdict {
  let verdict: FramingVerdict = { kind: 'more' };
  for (const byte of reply) {
    expect(verdict.kind).toBe('more');
    verdict = framing.feed(Uint8Array.of(byte));
  }
  return verdict;
}

describe('RTU', () => {
  test.each([
    ['a read', READ_TIMEOUT, READ_TIMEOUT_REPLY],
    ['a write of several', WRITE_STANDBY, WRITE_STANDBY_REPLY],
    ['a write of one', STOP, STOP],
    ['a coil', rtu('01 05 01 90 ff 00'), rtu('01 05 01 90 ff 00')],
    ['a refusal', READ_TIMEOUT, rtu('01 83 02')],
    ['a refused write', STOP, rtu('01 86 03')],
  ])('ED-04 %s is answered by its reply, in one piece or byte by byte', (_, request, reply) => {
    const framing = rtuFraming();
    expect(text(framing.begin(request))).toBe(text(request));
    expect(framing.feed(reply)).toEqual({ kind: 'reply', adu: reply });
    framing.begin(request);
    expect(byteByByte(framing, reply)).toEqual({ kind: 'reply', adu: reply });
  });

  test.each([
    ['the reply of another unit', rtu('02 03 02 3a 98'), 'mismatch'],
    ['the reply to another function', rtu('01 04 02 3a 98'), 'mismatch'],
    ['more registers than asked for', rtu('01 03 04 3a 98 00 00'), 'mismatch'],
    ['fewer registers than asked for', rtu('01 03 00'), 'mismatch'],
    ['the refusal of another function', rtu('01 84 02'), 'mismatch'],
    ['a broken checksum', hex('01 03 02 3a 98 ab 4f'), 'crc'],
    ['a flipped bit', hex('01 03 02 3a 99 ab 4e'), 'crc'],
    ['noise in front', hex('00 01 03 02 3a 98 ab 4e'), 'mismatch'],
  ])('ED-04 %s is never taken for the reply', (_, received, reason) => {
    expect(judgeReply(READ_TIMEOUT, received)).toEqual({ kind: 'broken', reason });
  });

  test.each([
    ['value', STOP, rtu('01 06 01 05 00 a0')],
    ['address', STOP, rtu('01 06 01 06 00 00')],
    ['count', WRITE_STANDBY, rtu('02 10 01 02 00 02')],
    ['coil', rtu('01 05 01 90 ff 00'), rtu('01 05 01 90 00 00')],
  ])('ED-04 a write whose %s comes back changed has not been taken', (_, request, received) => {
    expect(judgeReply(request, received)).toEqual({ kind: 'broken', reason: 'mismatch' });
  });

  test('ED-04 every prefix of a reply is just not complete', () => {
    for (let length = 0; length < READ_TIMEOUT_REPLY.length; length += 1) {
      expect(judgeReply(READ_TIMEOUT, READ_TIMEOUT_REPLY.subarray(0, length))).toEqual({ kind: 'more' });
    }
  });

  test('ED-04 a new request forgets what was received for the last', () => {
    const framing = rtuFraming();
    framing.begin(READ_TIMEOUT);
    framing.feed(READ_TIMEOUT_REPLY.subarray(0, 4));
    framing.begin(READ_TIMEOUT);
    expect(framing.feed(READ_TIMEOUT_REPLY)).toEqual({ kind: 'reply', adu: READ_TIMEOUT_REPLY });
  });
});

describe('Modbus TCP', () => {
  /** KEBA 3.3: the start of 16 A. */
  const SET_16A = rtu('ff 06 13 8c 3e 80');
  const message = (id: number, body: string): Uint8Array => {
    const pdu = hex(body);
    return Uint8Array.of(id >>> 8, id & 0xff, 0, 0, 0, pdu.length, ...pdu);
  };
  const READ = rtu('ff 03 04 0c 00 02');
  const REPLY = 'ff 03 04 00 01 00 02';

  test('ED-01 the frame is the documented one', () => {
    expect(text(mbapFraming().begin(SET_16A))).toBe('0001000000 06ff06138c3e80'.replace(' ', ''));
  });

  test('ED-04 a reply in one piece, or byte by byte, is the RTU frame that modbus-serial speaks', () => {
    const framing = mbapFraming();
    framing.begin(READ);
    expect(framing.feed(message(1, REPLY))).toEqual({ kind: 'reply', adu: rtu(REPLY) });
    framing.begin(READ);
    expect(byteByByte(framing, message(2, REPLY))).toEqual({ kind: 'reply', adu: rtu(REPLY) });
  });

  test('ED-04 a late reply is passed over, alone or glued to the right one', () => {
    const framing = mbapFraming();
    framing.begin(READ);
    framing.begin(READ);
    expect(framing.feed(message(1, 'ff 03 04 00 09 00 09'))).toEqual({ kind: 'more' });
    expect(framing.feed(message(2, REPLY))).toEqual({ kind: 'reply', adu: rtu(REPLY) });
    framing.begin(READ);
    const glued = Uint8Array.of(...message(2, 'ff 03 04 00 09 00 09'), ...message(3, REPLY));
    expect(framing.feed(glued)).toEqual({ kind: 'reply', adu: rtu(REPLY) });
  });

  test('ED-04 a late reply that is cut in two by the next request is passed over as well', () => {
    const framing = mbapFraming();
    framing.begin(READ);
    const late = message(1, 'ff 03 04 00 09 00 09');
    framing.feed(late.subarray(0, 5));
    framing.begin(READ);
    expect(framing.feed(late.subarray(5))).toEqual({ kind: 'more' });
    expect(framing.feed(message(2, REPLY))).toEqual({ kind: 'reply', adu: rtu(REPLY) });
  });

  test.each([
    ['another unit', '01 03 04 00 01 00 02'],
    ['another function', 'ff 04 04 00 01 00 02'],
    ['another length', 'ff 03 02 00 01'],
    ['nothing but a unit', 'ff'],
    ['fewer bytes than it says', 'ff 03 04 00 01'],
  ])('ED-04 the right transaction with %s is broken, not a reply', (_, body) => {
    const framing = mbapFraming();
    framing.begin(READ);
    expect(framing.feed(message(1, body))).toMatchObject({ kind: 'broken' });
  });

  test('ED-04 after bytes that are no Modbus at all, the next reply is understood again', () => {
    const framing = mbapFraming();
    framing.begin(READ);
    expect(framing.feed(Uint8Array.from(Buffer.from('HTTP/1.1 400 Bad Request\r\n')))).toMatchObject({
      kind: 'broken',
    });
    framing.begin(READ);
    expect(framing.feed(message(2, REPLY))).toEqual({ kind: 'reply', adu: rtu(REPLY) });
  });

  test('ED-04 a new connection begins with nothing received', () => {
    const framing = mbapFraming();
    framing.begin(READ);
    framing.feed(message(1, REPLY).subarray(0, 4));
    framing.reset();
    framing.begin(READ);
    expect(framing.feed(message(2, REPLY))).toEqual({ kind: 'reply', adu: rtu(REPLY) });
  });

  test('ED-04 transaction ids wrap around', () => {
    const framing = mbapFraming();
    for (let i = 0; i < 0xffff; i += 1) framing.begin(READ);
    expect(text(framing.begin(READ)).slice(0, 4)).toBe('0000');
    expect(framing.feed(message(0, REPLY))).toMatchObject({ kind: 'reply' });
  });
});
