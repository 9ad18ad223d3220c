import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CardEntry } from '#shared/access/access-list.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import { presentedCard } from '../../edge/access/card-reference.ts';
import type { StationDocument } from './simulated-station.ts';
import { connectorOf, type SiteDocument, smallStation } from './small-site.ts';

const KEY = 'a key for tests only, long enough';

/** Cards of the three piles of the small station: a reader of 125 kHz tags at A1 and C1, and the KEBA's own at B1. */
export const DRIVER = '62E3086CED';
export const OTHER_DRIVER = '04174A1B2C';
export const TECHNICIAN = '0F00CAFE01';
export const STRANGER = '0123456789';
export const KEBA_DRIVER = 'D4CD7650';
export const allCards = [DRIVER, OTHER_DRIVER, TECHNICIAN, STRANGER, KEBA_DRIVER];

export const referenceOf = (card: string): string => presentedCard(card, KEY).reference;

const entry = (card: string, change: Partial<CardEntry> = {}): CardEntry => {
  const { reference, lastFour } = presentedCard(card, KEY);
  return { card: reference, lastFour, kind: 'card', ...change };
};

export const stationWithReader: StationDocument = {
  ...smallStation,
  lines: [
    ...smallStation.lines,
    { lineId: 'cards', transport: 'serial', baud: 9600, parity: 'none', stopBits: 1, turnaroundMs: 0 },
  ],
  readers: [{ readerId: 'R1', model: 'em4100-module', lineId: 'cards' }],
};

/** The list of the site's cards, one of them blocked perhaps. */
export function cardList(version: number, blocked: string | null = null): string {
  const known = [entry(DRIVER), entry(OTHER_DRIVER), entry(KEBA_DRIVER), entry(TECHNICIAN, { kind: 'technician' })];
  const cards = known.map((one) =>
    blocked !== null && one.card === referenceOf(blocked) ? { ...one, blocked: true } : one,
  );
  return JSON.stringify({ version, validUntil: '2099-01-01T00:00:00Z', cards });
}

/** Writes key, list and tariffs into a folder, and gives what a site's file needs to name them, beside the reader. */
export function cardDocuments(folder: string, tariff: Tariff, untrustedClock: 'refuse' | 'allow'): SiteDocument {
  return {
    ...listedCards(folder, tariff, untrustedClock),
    readers: [
      {
        readerId: 'R1',
        profile: 'em4100-stx-etx',
        lineId: 'cards',
        connectorIds: [connectorOf('A1'), connectorOf('C1')],
      },
    ],
  };
}

/** The same for a site whose piles alone read cards. */
export function listedCards(folder: string, tariff: Tariff, untrustedClock: 'refuse' | 'allow'): SiteDocument {
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const schedule = {
    version: 1,
    currency: tariff.currency,
    bounds: { leastPriceE4: 1, mostPriceE4: 100_000 },
    tariffs: [{ from: '2020-01-01T00:00:00Z', until: null, tariff }],
  };
  return {
    access: { keyFile: write('card.key', KEY), offline: { cards: 'listed' }, untrustedClock },
    documents: {
      access: write('cards.json', cardList(1)),
      tariffs: write('tariffs.json', JSON.stringify(schedule)),
    },
  };
}

/** The KEBA's own reader counts as well. */
export const withKebaCards = (document: SiteDocument): SiteDocument => ({
  ...document,
  piles: (document.piles as { pileId: string }[]).map((pile) =>
    pile.pileId === 'B1' ? { ...pile, readsCards: true } : pile,
  ),
});
