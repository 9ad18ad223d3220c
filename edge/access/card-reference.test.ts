import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cardReferenceSchema } from '#shared/access/access-list.ts';
import { presentedCard, readCardKey } from './card-reference.ts';

const KEY = 'correct horse battery staple';

test('XC-10 a card is kept by a reference that only the key makes, and shown by four digits', () => {
  const card = presentedCard('04A1B2C3D4E5F6', KEY);
  // printf 04A1B2C3D4E5F6 | openssl dgst -sha256 -hmac 'correct horse battery staple'
  expect(card).toEqual({ reference: REFERENCE, lastFour: 'E5F6' });
  expect(cardReferenceSchema.safeParse(card.reference).success).toBe(true);
  expect(presentedCard('04A1B2C3D4E5F6', `${KEY}!`).reference).not.toBe(card.reference);
  expect(presentedCard('04A1B2C3D4E5F7', KEY).reference).not.toBe(card.reference);
});
const REFERENCE = '034677465e59072be2b09ee2f84c8243';

test('XC-10 a key is read without its line end, and one that is short or missing is refused with its file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-key-'));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  expect(readCardKey(file('key', `${KEY}\n`))).toBe(KEY);
  expect(() => readCardKey(file('short', 'fifteen letters'))).toThrow(/config\.invalid: .*short: .*16 bytes/);
  expect(() => readCardKey(join(folder, 'nowhere'))).toThrow(/config\.invalid: .*nowhere/);
});
