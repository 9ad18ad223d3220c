import { expect, test } from 'vitest';
import { complaintsOf } from '../complaints.ts';
import { tariffSchema } from './tariff.ts';
import { band, tariffOf } from './testing.ts';

const good = tariffOf([band('a', 0, 1), band('b', 480, 2)]);

function complaints(document: unknown): string[] {
  const parsed = tariffSchema.safeParse(document);
  return parsed.success ? [] : complaintsOf(parsed.error).map(({ path, reason }) => `${path}: ${reason}`);
}

test('a good tariff is taken as it is', () => {
  expect(tariffSchema.parse(good)).toEqual(good);
});

test.each([
  [
    'a day that does not begin at 0',
    { ...good, bands: [band('a', 1, 1)] },
    'bands.0.startMinute: the first band begins at 0',
  ],
  [
    'bands out of order',
    { ...good, bands: [band('a', 0, 1), band('b', 480, 1), band('c', 470, 1)] },
    'bands.2.startMinute: later than 480',
  ],
  [
    'two bands at one minute',
    { ...good, bands: [band('a', 0, 1), band('b', 0, 1)] },
    'bands.1.startMinute: later than 0',
  ],
  ['no bands', { ...good, bands: [] }, 'bands: '],
  ['a minute that no day has', { ...good, bands: [band('a', 0, 1), band('b', 1440, 1)] }, 'bands.1.startMinute: '],
  ['a price below zero', { ...good, bands: [band('a', 0, -1)] }, 'bands.0.electricityPriceE4: '],
  ['a price that is no integer', { ...good, bands: [band('a', 0, 0.5)] }, 'bands.0.electricityPriceE4: '],
  ['a zone nobody knows', { ...good, timezone: 'Asia/Atlantis' }, 'timezone: an IANA time zone'],
  ['a currency that is none', { ...good, currency: 'yuan' }, 'currency: an ISO 4217 code'],
  ['version 0', { ...good, version: 0 }, 'version: '],
  ['a mistyped key', { ...good, timeZone: 'UTC' }, 'timeZone: unknown key'],
  ['a mistyped key in a band', { ...good, bands: [{ ...band('a', 0, 1), price: 2 }] }, 'bands.0.price: unknown key'],
])('XC-08 %s is named by its path', (_, document, complaint) => {
  expect(complaints(document)).toEqual(expect.arrayContaining([expect.stringContaining(complaint)]));
});
