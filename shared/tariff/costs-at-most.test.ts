import fc from 'fast-check';
import { expect, test } from 'vitest';
import { costsAtMost } from './costs-at-most.ts';
import { rate } from './rate.ts';
import { band, reading, tariffOf } from './testing.ts';

const day = (prices: number[], service: number, every: number) =>
  prices.map((price, i) => band(`b${i}`, i * every, price, service));

const tariff = fc
  .record({
    prices: fc.array(fc.integer({ min: 0, max: 30_000 }), { minLength: 1, maxLength: 48 }),
    sharp: fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 1, maxLength: 48 }),
    service: fc.integer({ min: 0, max: 9000 }),
    minimumMinor: fc.integer({ min: 0, max: 5000 }),
    flatMinor: fc.integer({ min: 0, max: 500 }),
    every: fc.constantFrom(1, 30),
    timezone: fc.constantFrom('Asia/Shanghai', 'Europe/Copenhagen'),
  })
  .map(({ prices, sharp, service, minimumMinor, flatMinor, every, timezone }) => ({
    ...tariffOf(day(prices, service, every), timezone),
    days: [{ name: 'sharp', weekdays: [6, 7], bands: day(sharp, service, every) }],
    minimumMinor,
    reservation: { flatMinor, minutePriceE4: 5000 },
  }));

test('CH-02 whatever a charge and its tariff are like, it is never rated above the bound', () => {
  fc.assert(
    fc.property(
      tariff,
      fc.integer({ min: Date.parse('2025-10-24T00:00Z'), max: Date.parse('2025-10-27T00:00Z') }),
      fc.integer({ min: 1, max: 200_000_000 }),
      fc.integer({ min: 0, max: 100_000 }),
      fc.option(fc.record({ heldMs: fc.integer({ min: 0, max: 7_200_000 }) }), { nil: undefined }),
      (document, startMs, durationMs, energyWh, reservation) => {
        const readings = [reading(startMs, 7), reading(startMs + durationMs, 7 + energyWh)];
        const { totalMinor } = rate(document, readings, reservation && { reservation });
        expect(costsAtMost(document, energyWh, durationMs, reservation)).toBeGreaterThanOrEqual(totalMinor);
      },
    ),
    { numRuns: 150, seed: 20_251_026 },
  );
});

test('CH-02 it is near enough to be of use: 10 kWh at 1.50 for an hour', () => {
  const flat = tariffOf([band('flat', 0, 12_000, 3000)]);
  expect(costsAtMost(flat, 10_000, 3_600_000)).toBe(1500 + 3 * 48);
});
