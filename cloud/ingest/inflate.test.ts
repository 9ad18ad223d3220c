import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import { decode, MAX_MESSAGE_BYTES } from '#shared/wire/decode.ts';
import { batchSchema } from '#shared/wire/messages.ts';
import { inflated } from './inflate.ts';

const codeOf = (payload: Uint8Array): string => {
  try {
    inflated(payload);
    return 'taken';
  } catch (error) {
    if (isPilegateError(error)) return error.code;
    throw error;
  }
};

test('SY-08 a compressed message says what it said, and one that is not compressed is left as it is', () => {
  const plain = Buffer.from('{"v":1}');
  expect(inflated(plain)).toBe(plain);
  expect(Buffer.from(inflated(gzipSync(plain))).toString()).toBe('{"v":1}');
});

test('SY-08 version 1: the golden compressed batch is the golden batch', () => {
  const folder = join(import.meta.dirname, '../../shared/wire/fixtures');
  const raw = readFileSync(join(folder, 'v1-gzip/batch.json.gz'));
  const batch = JSON.parse(readFileSync(join(folder, 'v1/batch.json'), 'utf8'));
  expect(decode(batchSchema, inflated(raw))).toEqual(batch);
});

const half = gzipSync(Buffer.alloc(MAX_MESSAGE_BYTES / 2 + 1, ' '));

test.each([
  ['as much as a message may have', gzipSync(Buffer.alloc(MAX_MESSAGE_BYTES, ' ')), 'taken'],
  ['one byte more', gzipSync(Buffer.alloc(MAX_MESSAGE_BYTES + 1, ' ')), 'wire.schema'],
  ['two parts that are too much together', Buffer.concat([half, half]), 'wire.schema'],
  ['a hundred megabytes in a hundred kilobytes', gzipSync(Buffer.alloc(100_000_000)), 'wire.schema'],
  [
    'more bytes than a message, compressed',
    Buffer.concat([gzipSync(''), Buffer.alloc(MAX_MESSAGE_BYTES)]),
    'wire.schema',
  ],
  ['a message that was cut off', gzipSync('{"v":1}').subarray(0, 12), 'wire.not_json'],
  ['two letters and no more', Uint8Array.of(0x1f, 0x8b), 'wire.not_json'],
])('XC-08 %s', (_, payload, code) => {
  expect(codeOf(payload)).toBe(code);
});
