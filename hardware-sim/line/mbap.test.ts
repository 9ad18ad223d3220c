import { expect, test } from 'vitest';
import { createMbapReader, encodeMbap } from './mbap.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

test('HS-01 messages are found however the stream is cut', () => {
  const stream = bytes('00 01 00 00 00 06 ff 06 13 8c 3e 80 00 03 00 00 00 06 ff 06 13 9a 00 14');
  const read = createMbapReader();
  const found = [...stream].flatMap((byte) => {
    const pushed = read(Uint8Array.of(byte));
    return pushed.ok ? pushed.messages : [];
  });
  expect(found.map((message) => [message.transactionId, message.unit, [...message.pdu]])).toEqual([
    [1, 255, [0x06, 0x13, 0x8c, 0x3e, 0x80]],
    [3, 255, [0x06, 0x13, 0x9a, 0x00, 0x14]],
  ]);
});

test('HS-01 a reply repeats the transaction and unit of its request', () => {
  const reply = encodeMbap({ transactionId: 0x1234, unit: 255, pdu: Uint8Array.of(3, 2, 0, 7) });
  expect(reply).toEqual(bytes('12 34 00 00 00 05 ff 03 02 00 07'));
});

test.each([
  ['another protocol', '00 01 00 09 00 06 ff 06'],
  ['a length of nothing', '00 01 00 00 00 01 ff 06'],
  ['a length beyond Modbus', '00 01 00 00 01 00 ff 06'],
])('HS-01 a stream with %s is refused', (_name, hex) => {
  expect(createMbapReader()(bytes(hex)).ok).toBe(false);
});
