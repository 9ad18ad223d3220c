import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { DocumentKind } from '#shared/documents.ts';
import { authorise } from '../access/authorise.ts';
import { knownCards } from '../access/known-cards.ts';
import { askedOf, entryOf, listedOnly } from '../access/testing.ts';
import { tariff } from '../control/testing.ts';
import { accessReader } from './access-reader.ts';
import { DocumentDoor } from './document-door.ts';
import type { DocumentReader } from './document-kind.ts';
import { tariffReader } from './tariff-reader.ts';
import { at, stored } from './testing.ts';

// A restart with another site around: what was in force stays in force, as far as it still fits. An older version is never
// brought back by it.

function afterRestart<Document>(kind: DocumentKind, reader: DocumentReader<Document>, texts: readonly object[]) {
  const history = texts.map((document, i) =>
    stored(texts.length - i, { kind, text: JSON.stringify(document), ...(i === 0 && { state: 'active' as const }) }),
  );
  const log = pino({ level: 'silent' });
  const store = () => Promise.resolve();
  const door = new DocumentDoor({ kind, reader, history, stamp: () => at, log, onActive: () => {}, store });
  door.open(null);
  return door;
}

const prices = (version: number, priceE4: number, connectorIds?: string[]) => ({
  version,
  currency: 'CNY',
  bounds: { leastPriceE4: 0, mostPriceE4: 50_000 },
  tariffs: [
    {
      from: '2026-01-01T00:00:00Z',
      until: null,
      ...(connectorIds && { connectorIds }),
      tariff: {
        ...tariff,
        bands: [{ name: 'all day', startMinute: 0, electricityPriceE4: priceE4, servicePriceE4: 0 }],
      },
    },
  ],
});

test('ED-15 XC-04 another pile in the site brings no old prices back: the price list stays, and says what it lacks', () => {
  const door = afterRestart('tariffs', tariffReader(['P1-1', 'P2-1']), [prices(2, 20_000, ['P1-1']), prices(1, 5000)]);
  expect(door.active?.version).toBe(2);
  expect(door.refused).toContain('P2-1');
});

test('ED-10 ED-15 a pile less in the site lets nobody in again who has been taken off the list', () => {
  const CARD = 'D4CD7650';
  const list = (version: number, ...cards: object[]) => ({ version, validUntil: '2027-01-01T00:00:00Z', cards });
  const door = afterRestart('access', accessReader(['P1-1']), [
    list(2, entryOf(CARD, { blocked: true }), entryOf('04A1B2C3D4E5F6', { connectorIds: ['P2-1'] })),
    list(1, entryOf(CARD)),
  ]);
  const cards = door.active === null ? null : knownCards(door.active);
  expect(authorise(askedOf(CARD), { policy: listedOnly, cards })).toMatchObject({ code: 'access.card_blocked' });
});

test('XC-10 a card number that stands where its reference should is told nowhere', () => {
  const wrong = {
    version: 1,
    validUntil: '2027-01-01T00:00:00Z',
    cards: [{ ...entryOf('D4CD7650'), card: 'D4CD7650' }],
  };
  const read = () => accessReader(['P1-1']).read(JSON.stringify(wrong), 'cards.json');
  expect(read).toThrow(/cards\.0\.card: 32 lower-case hexadecimal digits/);
  expect(read).not.toThrow(/D4CD7650/);
});
