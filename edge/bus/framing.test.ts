import { describe, expect, test } from 'vitest';
import { crc16, judgeReply, MbapReader, toMbap, withCrc } from './framing.ts';

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

describe('RTU', () => {
  test.each([
    ['a read', READ_TIMEOUT, READ_TIMEOUT_REPLY],
    ['a write of several', WRITE_STANDBY, WRITE_STANDBY_REPLY],
    ['a write of one', STOP, STOP],
    ['a coil', rtu('01 05 01 90 ff 00'), rtu('01 05 01 90 ff 00')],
    ['a read of nine coils', rtu('01 01 00 00 00 09'), rtu('01 01 02 ff 01')],
    ['a refusal', READ_TIMEOUT, rtu('01 83 02')],
    ['a refused write', STOP, rtu('01 86 03')],
  ])(
    'ED-04 %s is answered by its reply: not by any beginning of it, and what follows it does not matter',
    (_, request, reply) => {
      for (let length = 0; length < reply.length; length += 1)
        expect(judgeReply(request, reply.subarray(0, length))).toEqual({ kind: 'more' });
      expect(judgeReply(request, reply)).toEqual({ kind: 'answer', answer: reply });
      expect(judgeReply(request, Uint8Array.of(...reply, 0x55))).toEqual({ kind: 'answer', answer: reply });
    },
  );

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
    expect(judgeReply(READ_TIMEOUT, received)).toMatchObject({ kind: 'broken', reason });
  });

  test.each([
    ['value', STOP, rtu('01 06 01 05 00 a0')],
    ['address', STOP, rtu('01 06 01 06 00 00')],
    ['count', WRITE_STANDBY, rtu('02 10 01 02 00 02')],
    ['coil', rtu('01 05 01 90 ff 00'), rtu('01 05 01 90 00 00')],
  ])('ED-04 a write whose %s comes back changed has not been taken', (_, request, received) => {
    expect(judgeReply(request, received)).toMatchObject({ kind: 'broken', reason: 'mismatch' });
  });
});

describe('Modbus TCP', () => {
  const message = (id: number, body: string): Uint8Array => {
    const pdu = hex(body);
    return Uint8Array.of(id >>> 8, id & 0xff, 0, 0, 0, pdu.length, ...pdu);
  };
  const REPLY = 'ff 03 04 00 01 00 02';

  test('ED-01 a request is the documented message: KEBA 3.3, the start of 16 A', () => {
    expect(text(toMbap(rtu('ff 06 13 8c 3e 80'), 1))).toBe('000100000006ff06138c3e80');
    expect(text(toMbap(rtu('ff 06 13 8c 3e 80'), 0xfffe)).slice(0, 4)).toBe('fffe');
  });

  test('ED-04 a message in one piece, or byte by byte, comes out once, as an RTU frame', () => {
    const whole = message(0x1234, REPLY);
    expect(new MbapReader().push(whole)).toEqual([{ transactionId: 0x1234, adu: rtu(REPLY) }]);
    const reader = new MbapReader();
    const cut = [...whole].flatMap((byte) => reader.push(Uint8Array.of(byte)) ?? []);
    expect(cut).toEqual([{ transactionId: 0x1234, adu: rtu(REPLY) }]);
  });

  test('ED-04 messages that come glued together are told apart, with half of the next one kept', () => {
    const reader = new MbapReader();
    const next = message(3, REPLY);
    const glued = Uint8Array.of(...message(1, REPLY), ...message(2, 'ff 83 02'), ...next.subarray(0, 9));
    expect(reader.push(glued)?.map((one) => one.transactionId)).toEqual([1, 2]);
    expect(reader.push(next.subarray(9))).toEqual([{ transactionId: 3, adu: rtu(REPLY) }]);
  });

  test.each([
    ['no Modbus at all', Uint8Array.from(Buffer.from('HTTP/1.1 400 Bad Request'))],
    ['another protocol', hex('00 01 00 01 00 03 ff 83 02')],
    ['a length of nothing', hex('00 01 00 00 00 01 ff 00')],
    ['a length that no message has', hex('00 01 00 00 00 ff ff 03')],
  ])('ED-04 %s is garbage, and the reader begins anew after it', (_, bytes) => {
    const reader = new MbapReader();
    expect(reader.push(bytes)).toBeNull();
    expect(reader.push(message(2, REPLY))).toEqual([{ transactionId: 2, adu: rtu(REPLY) }]);
  });

  test('ED-04 a new connection begins with nothing received', () => {
    const reader = new MbapReader();
    reader.push(message(1, REPLY).subarray(0, 4));
    reader.reset();
    expect(reader.push(message(2, REPLY))).toEqual([{ transactionId: 2, adu: rtu(REPLY) }]);
  });
});
