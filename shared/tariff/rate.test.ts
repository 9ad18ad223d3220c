import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { amountMinorOf } from './amount.ts';
import { rate, ratingSchema } from './rate.ts';
import { band, reading, tariffOf } from './testing.ts';

const flat = tariffOf([band('flat', 0, 12_000, 3000)]);
const dayNight = tariffOf([
  band('night', 0, 3000, 5000),
  band('day', 480, 11_000, 5000),
  band('late', 1320, 3000, 5000),
]);

describe('amounts are exact and rounded half-up once per line', () => {
  test.each([
    [0, 12_000, 0, 'no energy costs nothing'],
    [1000, 12_345, 123, '1 kWh at 1.2345: 1.2345 rounds down to 1.23'],
    [500, 10_100, 51, '0.5 kWh at 1.01: exactly 50.5 rounds up'],
    [499, 10_100, 50, 'just below the half rounds down'],
    [501, 10_100, 51, 'just above the half rounds up'],
    [1, 50_000, 1, '1 Wh at 5.0000: exactly half a cent rounds up'],
    [1, 49_999, 0, '1 Wh at 4.9999 rounds down'],
    [9_007_199_254, 1_000_000, 90_071_992_540, 'a product beyond 2^53 is still exact'],
  ])('RS-05 %i Wh at %i E4 is %i minor: %s', (energyWh, priceE4, minor) => {
    expect(amountMinorOf(energyWh, priceE4)).toBe(minor);
  });

  test('each fee of each period is rounded by itself, and the total is the sum of the lines', () => {
    const tariff = tariffOf([band('a', 0, 10_100, 10_100), band('b', 600, 10_100, 10_100)]);
    const bill = rate(tariff, [
      reading('2025-06-01T01:59:00Z', 0),
      reading('2025-06-01T02:00:00Z', 500),
      reading('2025-06-01T02:01:00Z', 1000),
    ]);
    expect(bill.lines.map((line) => line.amountMinor)).toEqual([51, 51, 51, 51]);
    expect(bill).toMatchObject({ energyWh: 1000, electricityMinor: 102, serviceMinor: 102, totalMinor: 204 });
  });
});

describe('hand-computed bills', () => {
  test('one band: 7.5 kWh at 1.20 + 0.30', () => {
    const bill = rate(flat, [reading('2025-06-01T02:00:00Z', 1000), reading('2025-06-01T03:00:00Z', 8500)]);
    expect(bill).toMatchObject({ energyWh: 7500, electricityMinor: 900, serviceMinor: 225, totalMinor: 1125 });
    expect(bill).toMatchObject({ tariffId: 'T1', tariffVersion: 1, currency: 'CNY' });
    expect(ratingSchema.parse(bill)).toEqual(bill);
  });

  test('a band boundary with readings close to it counts as measured', () => {
    // 08:00 in Shanghai is 00:00Z.
    const bill = rate(dayNight, [
      reading('2025-05-31T23:30:00Z', 0),
      reading('2025-05-31T23:59:55Z', 2000),
      reading('2025-06-01T00:00:05Z', 2010),
      reading('2025-06-01T00:30:00Z', 5000),
    ]);
    expect(bill.lines.filter((line) => line.fee === 'electricity')).toEqual([
      expect.objectContaining({ band: 'night', energyWh: 2005, amountMinor: 60, split: 'measured' }),
      expect.objectContaining({ band: 'day', energyWh: 2995, amountMinor: 329, split: 'measured' }),
    ]);
  });

  test('a band boundary far from any reading is interpolated, and both its sides say so', () => {
    const bill = rate(dayNight, [reading('2025-05-31T23:30:00Z', 0), reading('2025-06-01T00:30:00Z', 6000)]);
    expect(bill.lines.map((line) => [line.fee, line.band, line.energyWh, line.split])).toEqual([
      ['electricity', 'night', 3000, 'interpolated'],
      ['service', 'night', 3000, 'interpolated'],
      ['electricity', 'day', 3000, 'interpolated'],
      ['service', 'day', 3000, 'interpolated'],
    ]);
  });

  test('one reading close and the other far is interpolated too', () => {
    const bill = rate(dayNight, [reading('2025-05-31T23:59:59Z', 0), reading('2025-06-01T00:30:00Z', 6000)]);
    expect(bill.lines[0]).toMatchObject({ split: 'interpolated' });
  });

  test('a reading exactly on the boundary is the boundary', () => {
    const readings = [
      reading('2025-05-31T23:00:00Z', 0),
      reading('2025-06-01T00:00:00Z', 1234),
      reading('2025-06-01T01:00:00Z', 2000),
    ];
    expect(rate(dayNight, readings).lines[0]).toMatchObject({ energyWh: 1234, split: 'measured' });
  });

  test('interpolation is exact where a float is not: 1/49 of 49 Wh is 1 Wh', () => {
    const boundaryMs = Date.parse('2025-06-01T00:00:00Z');
    const bill = rate(dayNight, [reading(boundaryMs - 60_000, 0), reading(boundaryMs + 48 * 60_000, 49)]);
    expect(bill.lines[0]).toMatchObject({ band: 'night', energyWh: 1 });
  });
});

describe('readings that cannot be billed are refused', () => {
  const at = '2025-06-01T00:00:00Z';
  test.each([
    ['none at all', []],
    ['only one', [reading(at, 0)]],
    ['a register that runs backwards', [reading(at, 10), reading('2025-06-01T00:01:00Z', 9)]],
    ['time that runs backwards', [reading(at, 0), reading('2025-05-31T23:59:59Z', 1)]],
    [
      'a dip between two good ones',
      [reading(at, 10), reading('2025-06-01T00:01:00Z', 9), reading('2025-06-01T00:02:00Z', 20)],
    ],
  ])('%s', (_, readings) => {
    expect(() => rate(flat, readings)).toThrow(RangeError);
  });

  test('two readings at one instant with the same register are a charge of nothing', () => {
    expect(rate(flat, [reading(at, 5), reading(at, 5)])).toMatchObject({ energyWh: 0, totalMinor: 0 });
  });
});

const charge = fc.record({
  startMs: fc.integer({ min: Date.parse('2025-01-01T00:00Z'), max: Date.parse('2027-01-01T00:00Z') }),
  steps: fc.array(fc.tuple(fc.integer({ min: 0, max: 3_600_000 }), fc.integer({ min: 0, max: 30_000 })), {
    minLength: 1,
    maxLength: 8,
  }),
  starts: fc.uniqueArray(fc.integer({ min: 1, max: 1439 }), { maxLength: 6 }),
  prices: fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 7, maxLength: 7 }),
  timezone: fc.constantFrom('Asia/Shanghai', 'Europe/Copenhagen', 'Asia/Kolkata', 'Australia/Lord_Howe', 'UTC'),
});

test('RS-05 for any charge: no watt-hour is lost or doubled, lines join without gaps, totals are sums', () => {
  fc.assert(
    fc.property(charge, ({ startMs, steps, starts, prices, timezone }) => {
      const bands = [0, ...starts.sort((a, b) => a - b)].map((minute, i) => band(`b${i}`, minute, prices[i] ?? 0, 777));
      const readings = [reading(startMs, 100)];
      for (const [ms, wh] of steps) {
        const last = readings.at(-1) ?? reading(startMs, 100);
        readings.push(reading(last.atMs + ms, last.registerWh + wh));
      }
      const bill = rate(tariffOf(bands, timezone), readings);
      const electricity = bill.lines.filter((line) => line.fee === 'electricity');
      const service = bill.lines.filter((line) => line.fee === 'service');
      const difference = (readings.at(-1)?.registerWh ?? 0) - 100;
      expect(bill.energyWh).toBe(difference);
      expect(electricity.reduce((sum, line) => sum + line.energyWh, 0)).toBe(difference);
      expect(service.reduce((sum, line) => sum + line.energyWh, 0)).toBe(difference);
      expect(bill.lines.reduce((sum, line) => sum + line.amountMinor, 0)).toBe(bill.totalMinor);
      electricity.slice(1).forEach((line, i) => {
        expect(line.fromMs).toBe(electricity[i]?.toMs);
      });
      expect(ratingSchema.safeParse(bill).success).toBe(true);
    }),
    { numRuns: 300, seed: 20251026 },
  );
});
