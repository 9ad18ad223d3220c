import { expect, test } from 'vitest';
import { isPilegateError } from '#shared/errors.ts';
import { accessReader } from './access-reader.ts';

const list = `{
  "version": 4,
  "validUntil": "2026-12-31T00:00:00+08:00",
  "cards": [
    // The operator's own.
    { "card": "0123456789abcdef0123456789abcdef", "lastFour": "7650", "kind": "technician" },
    { "card": "fedcba9876543210fedcba9876543210", "lastFour": "E5F6", "kind": "card", "connectorIds": ["A-1"] }
  ]
}`;

function complaintsIn(text: string) {
  try {
    accessReader(['A-1']).read(text, 'cards.json');
  } catch (error) {
    if (isPilegateError(error)) return error.complaints;
    throw error;
  }
  return [];
}

test('ED-10 SY-07 a list of cards with comments is read, and states its version', () => {
  const reader = accessReader(['A-1']);
  const document = reader.read(list, 'cards.json');
  expect([reader.versionOf(document), document.cards.length]).toEqual([4, 2]);
});

test.each([
  ['a card number in clear', '0123456789abcdef0123456789abcdef', 'D4CD7650', 6],
  ['a misspelt key', '"kind": "technician"', '"kind": "technician", "blockd": true', 6],
  ['a connector of another site', '"A-1"', '"B-1"', 7],
  ['no end', '"validUntil": "2026-12-31T00:00:00+08:00",', '', 1],
])('XC-08 %s is refused at its place', (_name, from, to, line) => {
  expect(complaintsIn(list.replace(from, to))).toMatchObject([{ line }]);
});
