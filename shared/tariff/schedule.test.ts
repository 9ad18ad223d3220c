import { describe, expect, test } from 'vitest';
import { complaintsOf } from '../complaints.ts';
import { type ScheduledTariff, type TariffSchedule, tariffAt, tariffScheduleSchema } from './schedule.ts';
import { scheduleComplaints } from './schedule-complaints.ts';
import type { Tariff } from './tariff.ts';
import { band, tariffOf } from './testing.ts';

const tariff = (version: number, extra: Partial<Tariff> = {}): Tariff => ({
  ...tariffOf([band('flat', 0, 8000, 4000)]),
  version,
  ...extra,
});
const entry = (from: string, until: string | null, version: number, connectorIds?: string[]): ScheduledTariff => ({
  from,
  until,
  ...(connectorIds && { connectorIds }),
  tariff: tariff(version),
});
const schedule = (...tariffs: ScheduledTariff[]): TariffSchedule => ({
  version: 1,
  currency: 'CNY',
  bounds: { leastPriceE4: 1000, mostPriceE4: 30_000 },
  tariffs,
});
const may = '2026-05-01T00:00:00+08:00';
const june = '2026-06-01T00:00:00+08:00';
const july = '2026-07-01T00:00:00+08:00';
const at = (iso: string) => Date.parse(iso);
const told = (document: TariffSchedule, connectors: string[] | null = null) =>
  scheduleComplaints(document, connectors).map(({ path, reason }) => `${path}: ${reason}`);

describe('XC-04 which tariff a charge begun at an instant is billed by', () => {
  const months = schedule(entry(may, june, 1), entry(june, july, 2));
  const versionAt = (document: TariffSchedule, connectorId: string, atMs: number) => {
    const found = tariffAt(document, connectorId, atMs);
    return found.ok ? found.value.version : found.reason;
  };

  test('a version is in force from its first instant, and not in its last', () => {
    expect(versionAt(months, 'C1', at(may))).toBe(1);
    expect(versionAt(months, 'C1', at(june) - 1)).toBe(1);
    expect(versionAt(months, 'C1', at(june))).toBe(2);
  });

  test('where there is none, it says which way: before the first, after the last, not at all', () => {
    expect(versionAt(months, 'C1', at(may) - 1)).toBe('not-yet');
    expect(versionAt(months, 'C1', at(july))).toBe('expired');
    expect(versionAt(schedule(entry(may, null, 1, ['C2'])), 'C1', at(june))).toBe('none');
    expect(versionAt(schedule(), 'C1', at(june))).toBe('none');
  });

  test('in a gap the next one is still to come', () => {
    expect(versionAt(schedule(entry(may, june, 1), entry(july, null, 2)), 'C1', at(june))).toBe('not-yet');
  });

  test('what names a connector goes before what is for the whole site, as long as it is in force', () => {
    const both = schedule(entry(may, null, 1), entry(june, july, 2, ['C1']));
    expect(versionAt(both, 'C1', at(june))).toBe(2);
    expect(versionAt(both, 'C2', at(june))).toBe(1);
    expect(versionAt(both, 'C1', at(july))).toBe(1);
  });

  test('until further notice has no end', () => {
    expect(versionAt(schedule(entry(may, null, 1)), 'C1', at('2099-01-01T00:00:00Z'))).toBe(1);
  });
});

describe('XC-04 a schedule is looked through before it is put in force', () => {
  test('a good one has nothing against it', () => {
    const good = schedule(entry(may, june, 1), entry(may, null, 3, ['C9']), entry(june, null, 2));
    expect(tariffScheduleSchema.parse(good)).toEqual(good);
    expect(told(good, ['C1', 'C9'])).toEqual([]);
  });

  test.each<[string, TariffSchedule, string]>([
    [
      'a gap',
      schedule(entry(may, june, 1), entry(july, null, 2)),
      `tariffs.1.from: no tariff from ${june} until ${july}`,
    ],
    [
      'a gap at one connector',
      schedule(entry(may, june, 1, ['C1']), entry(july, null, 2, ['C1', 'C2'])),
      `tariffs.1.from: no tariff at C1 from ${june} until ${july}`,
    ],
    [
      'an overlap',
      schedule(entry(may, july, 1), entry(june, null, 2)),
      `tariffs.1.from: overlaps tariffs.0, which is in force until ${july}`,
    ],
    [
      'an overlap at one of several connectors',
      schedule(entry(may, null, 1, ['C1', 'C2']), entry(june, null, 2, ['C2', 'C3'])),
      'tariffs.1.from: overlaps tariffs.0, which is in force until further notice',
    ],
    [
      'a list out of order',
      schedule(entry(june, null, 1), entry(may, june, 2)),
      `tariffs.1.from: earlier than ${june}, where tariffs.0 begins: list them in order`,
    ],
    [
      'an end before the beginning',
      schedule(entry(june, may, 1)),
      `tariffs.0.until: not later than ${june}, where it begins`,
    ],
    [
      'a second currency',
      schedule({ ...entry(may, null, 1), tariff: tariff(1, { currency: 'EUR' }) }),
      'tariffs.0.tariff.currency: EUR, in a schedule of CNY',
    ],
    [
      'a version with two contents',
      schedule(entry(may, june, 1), { ...entry(june, null, 1), tariff: tariff(1, { timezone: 'UTC' }) }),
      'tariffs.1.tariff.version: T1 version 1 has another content in tariffs.0',
    ],
    [
      'a price ten times too high',
      schedule({ ...entry(may, null, 1), tariff: tariff(1, { bands: [band('flat', 0, 80_000, 4000)] }) }),
      'tariffs.0.tariff.bands.0: electricity and service are 84000 together, not between 1000 and 30000',
    ],
    [
      'a price of nothing',
      schedule({ ...entry(may, null, 1), tariff: tariff(1, { bands: [band('flat', 0, 0)] }) }),
      'tariffs.0.tariff.bands.0: electricity and service are 0 together, not between 1000 and 30000',
    ],
    [
      'an absurd price on special days',
      schedule({
        ...entry(may, null, 1),
        tariff: tariff(1, { days: [{ name: 'heat', months: [7], bands: [band('sharp', 0, 40_000)] }] }),
      }),
      'tariffs.0.tariff.days.0.bands.0: electricity and service are 40000 together, not between 1000 and 30000',
    ],
    [
      'a fee that the bounds do not speak of',
      schedule({
        ...entry(may, null, 1),
        tariff: tariff(1, { occupancy: { graceMinutes: 15, minutePriceE4: 5000 } }),
      }),
      'tariffs.0.tariff.occupancy.minutePriceE4: 5000, but the bounds name none for this fee',
    ],
    [
      'a minimum above its bound',
      {
        ...schedule({ ...entry(may, null, 1), tariff: tariff(1, { minimumMinor: 5001 }) }),
        bounds: { leastPriceE4: 0, mostPriceE4: 30_000, mostFeeMinor: 5000 },
      },
      'tariffs.0.tariff.minimumMinor: 5001, more than 5000',
    ],
  ])('%s', (_, document, complaint) => {
    expect(told(tariffScheduleSchema.parse(document))).toContain(complaint);
  });

  test('fees within their bounds are taken', () => {
    const fees = {
      minimumMinor: 5000,
      occupancy: { graceMinutes: 15, minutePriceE4: 20_000, mostMinor: 5000 },
      reservation: { flatMinor: 5000, minutePriceE4: 20_000, noShowMinor: 5000 },
    };
    const bounds = { leastPriceE4: 0, mostPriceE4: 30_000, mostMinutePriceE4: 20_000, mostFeeMinor: 5000 };
    const document = schedule({ ...entry(may, null, 1), tariff: tariff(1, fees) });
    expect(told({ ...document, bounds })).toEqual([]);
    expect(told({ ...document, bounds: { ...bounds, mostMinutePriceE4: 19_999 } })).toEqual([
      'tariffs.0.tariff.occupancy.minutePriceE4: 20000, more than 19999',
      'tariffs.0.tariff.reservation.minutePriceE4: 20000, more than 19999',
    ]);
    expect(told({ ...document, bounds: { ...bounds, mostFeeMinor: 4999 } })).toHaveLength(4);
  });

  test('a tariff for the whole site closes the gaps of those that name a connector', () => {
    expect(told(schedule(entry(may, null, 1), entry(may, june, 2, ['C1']), entry(july, null, 3, ['C1'])))).toEqual([]);
  });

  test('the connectors of the site, where they are known, all have a tariff, and no others are named', () => {
    const some = schedule(entry(may, null, 1, ['C1', 'C7']));
    expect(told(some, ['C1', 'C2', 'C3'])).toEqual([
      'tariffs.0.connectorIds.1: the site has no connector C7',
      'tariffs: no tariff ever at C2, C3',
    ]);
    expect(told(some)).toEqual([]);
  });

  test('a gap of the rest of the site does not matter where every connector has its own', () => {
    const own = schedule(entry(may, june, 1), entry(may, null, 3, ['C1']), entry(july, null, 2));
    expect(told(own, ['C1'])).toEqual([]);
    expect(told(own, ['C1', 'C2'])).toHaveLength(1);
  });
});

test.each<[string, unknown, string]>([
  [
    'an instant without its offset',
    { ...entry(may, null, 1), from: '2026-05-01T00:00:00' },
    'tariffs.0.from: an instant',
  ],
  ['a day that no month has', { ...entry(may, null, 1), from: '2026-02-30T00:00:00Z' }, 'tariffs.0.from: an instant'],
  ['an end left out', { from: may, tariff: tariff(1) }, 'tariffs.0.until: '],
  ['nobody named', { ...entry(may, null, 1), connectorIds: [] }, 'tariffs.0.connectorIds: '],
  ['a mistyped key', { ...entry(may, null, 1), untill: june }, 'tariffs.0.untill: unknown key'],
])('XC-08 %s is named by its path', (_, wrong, complaint) => {
  const parsed = tariffScheduleSchema.safeParse({ ...schedule(), tariffs: [wrong] });
  const complaints = parsed.success ? [] : complaintsOf(parsed.error).map(({ path, reason }) => `${path}: ${reason}`);
  expect(complaints).toEqual(expect.arrayContaining([expect.stringContaining(complaint)]));
});

test('XC-08 bounds the wrong way round are refused, and so is a schedule without any', () => {
  const { bounds: _, ...without } = schedule();
  expect(tariffScheduleSchema.safeParse(without).success).toBe(false);
  const turned = { ...schedule(), bounds: { leastPriceE4: 2, mostPriceE4: 1 } };
  expect(tariffScheduleSchema.safeParse(turned).success).toBe(false);
});
