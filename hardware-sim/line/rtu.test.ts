import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc16, decodeRtu, encodeRtu } from './rtu.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

test('HS-01 the checksum agrees with the published check value of CRC-16/MODBUS', () => {
  expect(crc16(Buffer.from('123456789'))).toBe(0x4b37);
});

test.each([
  '01 03 01 01 00 01 d4 36',
  '01 03 02 3a 98 ab 4e',
  '02 10 01 02 00 01 02 00 04 a2 41',
  '02 10 01 02 00 01 a1 c6',
  '01 10 01 02 00 01 a1 f5',
  '02 03 01 01 00 01 d4 05',
  '01 04 00 04 00 0f f1 cf',
  '01 10 01 05 00 01 02 00 a0 b6 bd',
  '01 06 01 05 00 00 98 37',
  '01 06 01 06 00 3c 68 26',
])('HS-01 frame %s, known from the field, decodes and is built again byte for byte', (hex) => {
  const frame = bytes(hex);
  const decoded = decodeRtu(frame);
  if (decoded.kind !== 'frame') throw new Error('not a frame');
  expect(encodeRtu(decoded.unit, decoded.pdu)).toEqual(frame);
});

test('HS-01 a frame with any one bit flipped is garbage', () => {
  const pdu = fc.uint8Array({ minLength: 2, maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), pdu, fc.nat(), (unit, body, where) => {
      const frame = encodeRtu(unit, body);
      const bit = where % (frame.length * 8);
      frame[bit >> 3] = (frame[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeRtu(frame).kind).toBe('garbage');
    }),
  );
});

test('HS-01 what is too short or too long for a frame is garbage', () => {
  expect(decodeRtu(bytes('0103')).kind).toBe('garbage');
  expect(decodeRtu(encodeRtu(1, new Uint8Array(254))).kind).toBe('garbage');
});
