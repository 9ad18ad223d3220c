import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { rate } from '#shared/tariff/rate.ts';
import { type Cdr, cdrSchema } from '#shared/wire/cdr.ts';

// Charge detail records as they have been stored by one version after the other. They are added to, never edited.

const folder = join(import.meta.dirname, 'stored');
const stored: [string, Cdr][] = readdirSync(folder).map((name) => [
  name,
  JSON.parse(readFileSync(join(folder, name), 'utf8')),
]);
const wire = join(import.meta.dirname, '../../shared/wire/fixtures/v1');
const sent: [string, Cdr][] = readdirSync(wire)
  .filter((name) => name.startsWith('record-session-ended'))
  .map((name) => [name, JSON.parse(readFileSync(join(wire, name), 'utf8')).cdr]);
const rated = [...stored, ...sent].filter(([, cdr]) => cdr.rating !== null);

test('XC-04 there is a record of each format: readings alone, with meter events, with fees and a hold', () => {
  expect(rated.map(([name]) => name)).toEqual(
    expect.arrayContaining(['cdr-of-readings.json', 'cdr-with-fees.json', 'cdr-with-meter-events.json']),
  );
});

test.each(rated)('XC-04 %s is rated again to the same bytes', (_, document) => {
  const cdr = cdrSchema.parse(document);
  expect(cdr).toEqual(document);
  const again = cdr.tariff === null ? null : rate(cdr.tariff, cdr.readings, cdr);
  expect(JSON.stringify(again)).toBe(JSON.stringify(document.rating));
});
