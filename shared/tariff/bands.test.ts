import { expect, test } from 'vitest';
import { bandAt, bandPeriods } from './bands.ts';
import { rate } from './rate.ts';
import { band, reading, tariffOf } from './testing.ts';

const at = (iso: string) => Date.parse(iso);
const copenhagen = tariffOf(
  [band('base', 0, 10_000), band('low', 120, 1000), band('high', 180, 20_000)],
  'Europe/Copenhagen',
);

const cut = (tariff: typeof copenhagen, from: string, to: string) =>
  bandPeriods(tariff, at(from), at(to)).map((p) => [
    p.band.name,
    new Date(p.fromMs).toISOString().slice(0, 16),
    new Date(p.toMs).toISOString().slice(0, 16),
  ]);

test('the repeated hour of autumn is priced by its band both times', () => {
  expect(bandAt(copenhagen, at('2025-10-26T00:30:00Z')).name).toBe('low');
  expect(bandAt(copenhagen, at('2025-10-26T01:30:00Z')).name).toBe('low');
  expect(cut(copenhagen, '2025-10-25T23:00:00Z', '2025-10-26T03:00:00Z')).toEqual([
    ['base', '2025-10-25T23:00', '2025-10-26T00:00'],
    ['low', '2025-10-26T00:00', '2025-10-26T02:00'],
    ['high', '2025-10-26T02:00', '2025-10-26T03:00'],
  ]);
});

test('a band that begins inside the repeated hour comes twice', () => {
  const tariff = tariffOf([band('first', 0, 1), band('second', 150, 2)], 'Europe/Copenhagen');
  expect(cut(tariff, '2025-10-26T00:00:00Z', '2025-10-26T02:00:00Z')).toEqual([
    ['first', '2025-10-26T00:00', '2025-10-26T00:30'],
    ['second', '2025-10-26T00:30', '2025-10-26T01:00'],
    ['first', '2025-10-26T01:00', '2025-10-26T01:30'],
    ['second', '2025-10-26T01:30', '2025-10-26T02:00'],
  ]);
});

test('the missing hour of spring is priced to nobody', () => {
  expect(cut(copenhagen, '2025-03-30T00:00:00Z', '2025-03-30T02:00:00Z')).toEqual([
    ['base', '2025-03-30T00:00', '2025-03-30T01:00'],
    ['high', '2025-03-30T01:00', '2025-03-30T02:00'],
  ]);
});

test('a charge through the night of autumn has as many hours as the meter had', () => {
  const bill = rate(copenhagen, [reading('2025-10-26T00:00:00Z', 0), reading('2025-10-26T02:00:00Z', 2000)]);
  expect(bill.lines.filter((line) => line.fee === 'electricity')).toEqual([
    expect.objectContaining({ band: 'low', energyWh: 2000, amountMinor: 20, split: 'measured' }),
  ]);
});

test('midnight begins the first band of the next day', () => {
  const tariff = tariffOf([band('valley', 0, 3000), band('peak', 1200, 12_000)]);
  expect(cut(tariff, '2025-06-01T15:00:00Z', '2025-06-01T17:00:00Z')).toEqual([
    ['peak', '2025-06-01T15:00', '2025-06-01T16:00'],
    ['valley', '2025-06-01T16:00', '2025-06-01T17:00'],
  ]);
});

test('a boundary belongs to the band that begins there', () => {
  const tariff = tariffOf([band('valley', 0, 3000), band('peak', 480, 12_000)]);
  expect(bandAt(tariff, at('2025-06-01T00:00:00Z') - 1).name).toBe('valley');
  expect(bandAt(tariff, at('2025-06-01T00:00:00Z')).name).toBe('peak');
  expect(cut(tariff, '2025-06-01T00:00:00Z', '2025-06-01T01:00:00Z')).toEqual([
    ['peak', '2025-06-01T00:00', '2025-06-01T01:00'],
  ]);
});

test('zones that are off by half an hour and change by half an hour are local as well', () => {
  const tariff = tariffOf([band('a', 0, 1), band('b', 330, 2)], 'Asia/Kolkata');
  expect(bandAt(tariff, at('2025-06-01T00:00:00Z')).name).toBe('b');
  expect(bandAt(tariff, at('2025-05-31T23:59:00Z')).name).toBe('a');
});
