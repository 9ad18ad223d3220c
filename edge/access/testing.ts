import { type AccessList, accessListSchema, type CardEntry } from '#shared/access/access-list.ts';
import type { AccessPolicy } from './access-policy.ts';
import type { Asked } from './authorise.ts';
import { type PresentedCard, presentedCard } from './card-reference.ts';

export const CARD_KEY = 'a key for tests only, long enough';
export const NOW_MS = Date.parse('2026-03-02T00:00:00Z');

export const cardOf = (number: string): PresentedCard => presentedCard(number, CARD_KEY);

export const entryOf = (number: string, change: Partial<CardEntry> = {}): CardEntry => {
  const { reference, lastFour } = cardOf(number);
  return { card: reference, lastFour, kind: 'card', ...change };
};

export const listOf = (cards: readonly CardEntry[], change: Partial<AccessList> = {}): AccessList =>
  accessListSchema.parse({ version: 1, validUntil: '2026-04-01T00:00:00Z', cards, ...change });

export const listedOnly: AccessPolicy = { offline: { cards: 'listed' }, untrustedClock: 'refuse' };

export const askedOf = (number: string, change: Partial<Asked> = {}): Asked => ({
  card: cardOf(number),
  connectorId: 'P1-1',
  at: { wallMs: NOW_MS, monoMs: 1000, bootId: '00000000-0000-4000-8000-000000000001', clock: 'trusted' },
  cloudAwayMs: null,
  noTariff: null,
  ...change,
});
