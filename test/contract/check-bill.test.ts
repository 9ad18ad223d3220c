import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ChargeTerms, type MeterReading, rate } from '#shared/tariff/rate.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import { billView, moneyView } from '../../cloud/orders/bill-view.ts';
import { tariffView } from '../../cloud/orders/tariff-view.ts';

/** Goal: whatever is on a bill can be recomputed from what the partner is told. Method: the example of the documentation does it, for bills of all kinds. */

const EXAMPLE = pathToFileURL(join(import.meta.dirname, '../../docs/examples/check-bill.mjs')).href;
const { checkBill } = await import(EXAMPLE);

/** What `charge.ended` tells of a charge, as far as its bill goes. */
function dataOf(tariff: Tariff, readings: readonly MeterReading[], terms: ChargeTerms) {
  const rating = rate(tariff, readings, terms);
  const bill = billView(rating);
  const [start, end] = [readings[0]?.registerWh ?? 0, readings.at(-1)?.registerWh ?? 0];
  const cdr = {
    meter_start_wh: start,
    meter_end_wh: end,
    energy_wh: end - start,
    meter_events: [],
    readings: readings.map(({ atMs, registerWh, quality }) => ({
      at: new Date(atMs).toISOString(),
      register_wh: registerWh,
      quality,
    })),
    reserved_ms: terms.reservation?.heldMs ?? null,
    tariff: tariffView(tariff),
    bill,
  };
  return { cdr, amount_due: moneyView(bill.charged.minor, rating.currency) };
}

const priceE4 = fc.integer({ min: 0, max: 20_000 });
const bands = fc
  .tuple(fc.uniqueArray(fc.integer({ min: 1, max: 1439 }), { maxLength: 4 }), fc.infiniteStream(priceE4))
  .map(([starts, prices]) =>
    [0, ...starts.toSorted((a, b) => a - b)].map((startMinute) => ({
      name: `from ${startMinute}`,
      startMinute,
      electricityPriceE4: prices.next().value ?? 0,
      servicePriceE4: prices.next().value ?? 0,
    })),
  );
const tariffs = fc
  .record({
    bands,
    sunday: bands,
    timezone: fc.constantFrom('Asia/Shanghai', 'Europe/Copenhagen'),
    more: fc.record(
      {
        minimumMinor: fc.integer({ min: 0, max: 3_000 }),
        reservation: fc.record({ flatMinor: fc.nat(500), minutePriceE4: fc.nat(9_000) }),
      },
      { requiredKeys: [] },
    ),
  })
  .map(
    ({ bands: others, sunday, timezone, more }): Tariff => ({
      tariffId: 't',
      version: 1,
      currency: 'CNY',
      timezone,
      bands: others,
      days: [{ name: 'sunday', weekdays: [7], bands: sunday }],
      ...more,
    }),
  );
const terms = fc.record(
  { reservation: fc.record({ heldMs: fc.nat(7_200_000) }), holdMinor: fc.nat(20_000) },
  { requiredKeys: [] },
);
/** Around the night in which autumn repeats an hour. */
const charges = fc
  .tuple(
    fc.integer({ min: Date.parse('2025-10-25T00:00Z'), max: Date.parse('2025-10-26T12:00Z') }),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 7_200_000 }), fc.nat(9_000)), { minLength: 1, maxLength: 5 }),
  )
  .map(([startMs, steps]) => {
    const readings: MeterReading[] = [{ atMs: startMs, registerWh: 1_000, quality: 'measured' }];
    for (const [ms, wh] of steps) {
      const { atMs, registerWh } = readings.at(-1) ?? { atMs: 0, registerWh: 0 };
      readings.push({ atMs: atMs + ms, registerWh: registerWh + wh, quality: 'measured' });
    }
    return readings;
  });

test('OP-19 OP-23 a bill of any tariff, with a minimum, a reservation or a hold, over the hour that autumn repeats, is recomputed from what is told', () => {
  fc.assert(
    fc.property(tariffs, charges, terms, (tariff, readings, agreed) => {
      const data = dataOf(tariff, readings, agreed);
      expect(checkBill(data)).toEqual({ total_minor: data.cdr.bill.total.minor, complaints: [] });
    }),
    { numRuns: 300, seed: 20_251_026 },
  );
});

test('OP-19 OP-23 whatever of a bill is a little too high is found', () => {
  const tariff: Tariff = {
    tariffId: 't',
    version: 1,
    currency: 'CNY',
    timezone: 'Asia/Shanghai',
    bands: [
      { name: 'night', startMinute: 0, electricityPriceE4: 3_000, servicePriceE4: 4_000 },
      { name: 'day', startMinute: 480, electricityPriceE4: 12_000, servicePriceE4: 4_000 },
    ],
    minimumMinor: 2_000,
    reservation: { flatMinor: 100, minutePriceE4: 1_000 },
  };
  const startMs = Date.parse('2026-11-22T07:50:00+08:00');
  const readings: MeterReading[] = [0, 600_000, 1_200_000].map((ms, n) => ({
    atMs: startMs + ms,
    registerWh: 5_000 + n * 3_000,
    quality: 'measured',
  }));
  const good = () => dataOf(tariff, readings, { reservation: { heldMs: 61_000 } });
  expect(checkBill(good()).complaints).toEqual([]);
  type Data = ReturnType<typeof good>;
  const wrongs: Record<string, (data: Data) => void> = {
    'price of electricity': ({ cdr }) => void Object.assign(cdr.bill.lines[0] ?? {}, { price_e4: 3_001 }),
    'energy of service': ({ cdr }) => void Object.assign(cdr.bill.lines[1] ?? {}, { energy_wh: 3_001 }),
    'amount of electricity': ({ cdr }) => void Object.assign(cdr.bill.lines[2] ?? {}, { amount_minor: 999 }),
    fees: ({ cdr }) => void Object.assign(cdr.bill.fees[0] ?? {}, { amount_minor: 1_999 }),
    total: ({ cdr }) => void Object.assign(cdr.bill.total, { minor: cdr.bill.total.minor + 1 }),
    'amount due': (data) => void Object.assign(data.amount_due, { minor: data.amount_due.minor + 1 }),
    energy: ({ cdr }) => void Object.assign(cdr, { energy_wh: cdr.energy_wh + 1 }),
  };
  for (const [what, spoil] of Object.entries(wrongs)) {
    const data = good();
    spoil(data);
    expect(checkBill(data).complaints.join('\n'), what).toContain(what);
  }
});
