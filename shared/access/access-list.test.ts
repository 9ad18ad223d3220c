import { expect, test } from 'vitest';
import { complaintsOf, describeComplaints } from '../complaints.ts';
import { accessListSchema } from './access-list.ts';
import { lastFourOf, maskedCard, readCardNumber, reversedBytes } from './card-number.ts';

const card = (digit: string) => ({ card: digit.repeat(32), lastFour: '7650', kind: 'card' });
const list = { version: 3, validUntil: '2026-12-31T00:00:00+08:00', cards: [card('a'), card('b')] };

const complaints = (document: unknown): string => {
  const parsed = accessListSchema.safeParse(document);
  return parsed.success ? '' : describeComplaints(complaintsOf(parsed.error));
};

test('SY-07 a list of cards is taken as it is written', () => {
  expect(accessListSchema.parse(list)).toEqual(list);
  const full = {
    ...card('c'),
    kind: 'technician',
    validFrom: '2026-01-01T00:00:00Z',
    validUntil: '2026-02-01T00:00:00Z',
    blocked: false,
    limits: { energyWh: 1, durationMs: 1, amountMinor: 1, socPercent: 100 },
    connectorIds: ['P1-1'],
    note: 'second key ring',
  };
  expect(complaints({ ...list, cards: [full] })).toBe('');
});

test.each<[string, unknown, string]>([
  ['without an end', { ...list, validUntil: undefined }, 'validUntil'],
  [
    'an end without its offset',
    { ...list, validUntil: '2026-12-31T00:00:00' },
    'validUntil: an instant with its offset',
  ],
  ['an unknown key', { ...list, owner: 'x' }, 'owner: unknown key'],
  [
    'a number in place of a reference',
    { ...list, cards: [{ ...card('a'), card: 'D4CD7650' }] },
    'cards.0.card: 32 lower',
  ],
  ['a card twice', { ...list, cards: [card('a'), card('b'), card('a')] }, 'cards.2.card: is cards.0 already'],
  [
    'an end before its begin',
    { ...list, cards: [{ ...card('a'), validFrom: '2026-01-01T00:00:00Z', validUntil: '2026-01-01T00:00:00Z' }] },
    'cards.0.validUntil: not after "validFrom"',
  ],
  ['a limit that nobody knows', { ...list, cards: [{ ...card('a'), limits: { kWh: 3 } }] }, 'cards.0.limits.kWh'],
])('XC-08 a list %s is refused with its place', (_name, document, text) => {
  expect(complaints(document)).toContain(text);
});

test.each([
  ['d4:cd:76:50', 'D4CD7650'],
  [' 04 A1 B2 C3 D4 E5 F6 ', '04A1B2C3D4E5F6'],
  ['04A1B2C3D4E5F60718293A', null],
  ['D4CD76', null],
  ['D4CD765', null],
  ['D4CD765G', null],
])('XC-10 "%s" is the card number %s', (text, number) => {
  expect(readCardNumber(text)).toBe(number);
});

test('XC-10 bytes are turned about, and a card is shown by its last four digits', () => {
  expect(reversedBytes('D4CD7650')).toBe('5076CDD4');
  expect(maskedCard(lastFourOf('D4CD7650'))).toBe('…7650');
});
