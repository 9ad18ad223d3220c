import { describe, expect, test } from 'vitest';
import { minutesAmountMinor, startedMinutes } from './amount.ts';
import { rate, ratingSchema } from './rate.ts';
import { feeRatingSchema, rateOccupancy, rateReservation } from './rate-fees.ts';
import type { Tariff } from './tariff.ts';
import { band, reading, tariffOf } from './testing.ts';

const flat = (extra: Partial<Tariff> = {}): Tariff => ({ ...tariffOf([band('flat', 0, 12_000, 3000)]), ...extra });
const charge = (energyWh: number) => [reading('2026-06-01T02:00:00Z', 0), reading('2026-06-01T03:00:00Z', energyWh)];
const MINUTE = 60_000;

test.each([
  [0, 0],
  [-1, 0],
  [1, 1],
  [MINUTE - 1, 1],
  [MINUTE, 1],
  [MINUTE + 1, 2],
  [25 * 60 * MINUTE, 1500],
])('%i ms are %i started minutes', (durationMs, minutes) => {
  expect(startedMinutes(durationMs)).toBe(minutes);
});

test.each([
  [3, 5000, 150, '3 × 0.50 = 1.50'],
  [1, 49, 0, '0.0049 rounds down'],
  [1, 50, 1, '0.0050 rounds up'],
  [3, 150, 5, '0.0450 rounds up to 0.05'],
  [1440, 1_000_000, 14_400_000, 'a day at 100 a minute'],
])('%i minutes at %i E4 are %i minor: %s', (minutes, priceE4, minor) => {
  expect(minutesAmountMinor(minutes, priceE4)).toBe(minor);
});

describe('a minimum', () => {
  const tariff = flat({ minimumMinor: 500 });
  test('1 kWh at 1.50 lacks 3.50 of 5.00, in a line of its own', () => {
    const bill = rate(tariff, charge(1000));
    expect(bill).toMatchObject({ electricityMinor: 120, serviceMinor: 30, feesMinor: 350, totalMinor: 500 });
    expect(bill.fees).toEqual([{ kind: 'flat', fee: 'minimum', amountMinor: 350 }]);
    expect(ratingSchema.parse(bill)).toEqual(bill);
  });

  test('is asked for from the first watt-hour on, and not without any', () => {
    expect(rate(tariff, charge(1)).totalMinor).toBe(500);
    expect(rate(tariff, charge(0))).toMatchObject({ totalMinor: 0 });
    expect(rate(tariff, charge(0)).fees).toBeUndefined();
  });

  test('that is reached leaves no trace', () => {
    expect(rate(tariff, charge(3333))).toEqual(rate(flat(), charge(3333)));
    expect(rate(tariff, charge(3300)).fees).toEqual([{ kind: 'flat', fee: 'minimum', amountMinor: 500 - 396 - 99 }]);
  });
});

describe('CH-09 occupancy', () => {
  const price = { graceMinutes: 15, minutePriceE4: 5000 };
  const minutesOf = (occupiedMs: number) => rateOccupancy(flat({ occupancy: price }), occupiedMs)?.lines;

  test('nothing within the grace time, then each started minute', () => {
    expect(minutesOf(0)).toEqual([]);
    expect(minutesOf(15 * MINUTE)).toEqual([]);
    expect(minutesOf(15 * MINUTE + 1)).toEqual([
      { kind: 'time', fee: 'occupancy', minutes: 1, minutePriceE4: 5000, amountMinor: 50 },
    ]);
    expect(minutesOf(45 * MINUTE)).toEqual([
      { kind: 'time', fee: 'occupancy', minutes: 30, minutePriceE4: 5000, amountMinor: 1500 },
    ]);
  });

  test('no more than the cap, and the line shows what it would have been', () => {
    const capped = flat({ occupancy: { ...price, mostMinor: 1000 } });
    const bill = rateOccupancy(capped, 45 * MINUTE);
    expect(bill).toEqual({
      tariffId: 'T1',
      tariffVersion: 1,
      currency: 'CNY',
      lines: [{ kind: 'time', fee: 'occupancy', minutes: 30, minutePriceE4: 5000, mostMinor: 1000, amountMinor: 1000 }],
      totalMinor: 1000,
    });
    expect(feeRatingSchema.parse(bill)).toEqual(bill);
    expect(rateOccupancy(capped, 25 * MINUTE)?.totalMinor).toBe(500);
  });

  test('a tariff that says nothing of it asks nothing', () => {
    expect(rateOccupancy(flat(), 1e9)).toBeNull();
  });
});

describe('a reservation', () => {
  const tariff = flat({ reservation: { flatMinor: 200, minutePriceE4: 1000, noShowMinor: 1000 } });

  test('flat and by the minute goes onto the bill of the charge it led to', () => {
    const bill = rate(tariff, charge(1000), { reservation: { heldMs: 12 * MINUTE + 1 } });
    expect(bill.fees).toEqual([
      { kind: 'flat', fee: 'reservation', amountMinor: 200 },
      { kind: 'time', fee: 'reservation', minutes: 13, minutePriceE4: 1000, amountMinor: 130 },
    ]);
    expect(bill).toMatchObject({ feesMinor: 330, totalMinor: 480 });
  });

  test('that nobody came for costs the time and the no-show fee; given back in time, the time alone', () => {
    expect(rateReservation(tariff, { heldMs: 30 * MINUTE, isNoShow: true })?.totalMinor).toBe(200 + 300 + 1000);
    expect(rateReservation(tariff, { heldMs: 30 * MINUTE, isNoShow: false })?.totalMinor).toBe(500);
    expect(rateReservation(flat(), { heldMs: 30 * MINUTE, isNoShow: true })).toBeNull();
  });

  test('does not make up for the minimum of the energy', () => {
    const bill = rate({ ...tariff, minimumMinor: 300 }, charge(1000), { reservation: { heldMs: 0 } });
    expect(bill.fees?.map(({ fee, amountMinor }) => [fee, amountMinor])).toEqual([
      ['minimum', 150],
      ['reservation', 200],
    ]);
  });

  test('a charge without one pays nothing for it', () => {
    expect(rate(tariff, charge(1000))).toEqual(rate(flat(), charge(1000)));
  });
});

describe('a hold', () => {
  test.each([
    [1000, { holdMinor: 1000, chargedMinor: 150, excessMinor: 0 }],
    [150, { holdMinor: 150, chargedMinor: 150, excessMinor: 0 }],
    [100, { holdMinor: 100, chargedMinor: 100, excessMinor: 50 }],
    [0, { holdMinor: 0, chargedMinor: 0, excessMinor: 150 }],
  ])('of %i for a bill of 150', (holdMinor, hold) => {
    expect(rate(flat(), charge(1000), { holdMinor })).toMatchObject({ totalMinor: 150, hold });
  });
});

test('XC-04 a bill under a tariff of today has the keys of today, in their order', () => {
  expect(Object.keys(rate(flat(), charge(1000)))).toEqual([
    'tariffId',
    'tariffVersion',
    'currency',
    'energyWh',
    'lines',
    'electricityMinor',
    'serviceMinor',
    'totalMinor',
  ]);
});
