import { describe, expect, test } from 'vitest';
import { bandAt, bandPeriods, nextBandChangeMs } from './bands.ts';
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

describe('days with bands of their own', () => {
  // Shanghai is eight hours ahead: its midnight is 16:00Z.
  const weekday = [band('valley', 0, 3000), band('peak', 600, 11_000)];
  const tariff = {
    ...tariffOf(weekday),
    days: [
      { name: 'holiday', dates: ['2026-10-01'], bands: [band('holiday', 0, 2000)] },
      { name: 'summer weekend', months: [7, 8], weekdays: [6, 7], bands: [band('summer weekend', 0, 4000)] },
      { name: 'summer', months: [7, 8], bands: [band('valley', 0, 3500), band('sharp', 840, 14_000)] },
      { name: 'weekend', weekdays: [6, 7], bands: [band('weekend', 0, 2500)] },
    ],
  };
  test.each([
    ['an ordinary Wednesday', '2026-06-10T12:00:00+08:00', 'peak'],
    ['a Saturday', '2026-06-13T12:00:00+08:00', 'weekend'],
    ['a Sunday until its last minute', '2026-06-14T23:59:59+08:00', 'weekend'],
    ['the Monday after it', '2026-06-15T00:00:00+08:00', 'valley'],
    ['a summer noon on a working day', '2026-07-01T14:00:00+08:00', 'sharp'],
    ['a summer Saturday: the first plan that fits', '2026-07-04T14:00:00+08:00', 'summer weekend'],
    ['the last instant before summer', '2026-06-30T23:59:59+08:00', 'peak'],
    ['the first one of it', '2026-07-01T00:00:00+08:00', 'valley'],
    ['a date that is named', '2026-10-01T00:00:00+08:00', 'holiday'],
    ['the local date, where it is still the day before in Greenwich', '2026-09-30T16:00:00Z', 'holiday'],
  ])('%s', (_, instant, name) => {
    expect(bandAt(tariff, at(instant)).name).toBe(name);
  });

  test('a night into another kind of day is cut at local midnight', () => {
    const crossing = cut(tariff, '2026-06-12T14:00:00Z', '2026-06-12T18:00:00Z');
    expect(crossing).toEqual([
      ['peak', '2026-06-12T14:00', '2026-06-12T16:00'],
      ['weekend', '2026-06-12T16:00', '2026-06-12T18:00'],
    ]);
  });

  test('a leap day is a day of February', () => {
    const leap = { ...tariff, days: [{ name: 'february', months: [2], bands: [band('february', 0, 1)] }] };
    expect(bandAt(leap, at('2028-02-29T23:59:59+08:00')).name).toBe('february');
    expect(bandAt(leap, at('2028-03-01T00:00:00+08:00')).name).toBe('valley');
  });
});

test('the next change of the band is found, and none where there is none before the end', () => {
  const tariff = tariffOf([band('valley', 0, 1), band('peak', 480, 2)], 'UTC');
  const noon = at('2026-06-10T12:00:00Z');
  expect(nextBandChangeMs(tariff, noon, noon + 13 * 3_600_000)).toBe(at('2026-06-11T00:00:00Z'));
  expect(nextBandChangeMs(tariff, noon, at('2026-06-11T00:00:00Z'))).toBeNull();
  expect(nextBandChangeMs(tariff, at('2026-06-11T00:00:00Z'), at('2026-06-12T00:00:00Z'))).toBe(
    at('2026-06-11T08:00:00Z'),
  );
});
