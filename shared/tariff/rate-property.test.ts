import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type MeterReading, type Rating, rate, ratingSchema } from './rate.ts';
import type { Tariff } from './tariff.ts';
import { band, reading, tariffOf } from './testing.ts';

const zones = ['Asia/Shanghai', 'Europe/Copenhagen', 'Asia/Kolkata', 'Australia/Lord_Howe', 'UTC'];
const prices = fc.integer({ min: 0, max: 1_000_000 });

const dayBands = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 1, max: 1439 }), { maxLength: 5 }),
    fc.array(fc.tuple(prices, prices), { minLength: 6, maxLength: 6 }),
    fc.string({ minLength: 1, maxLength: 3 }),
  )
  .map(([starts, found, name]) =>
    [0, ...starts.sort((a, b) => a - b)].map((minute, i) => band(`${name}${i}`, minute, ...(found[i] ?? [0, 0]))),
  );

const tariffs = fc
  .record({
    bands: dayBands,
    weekend: fc.option(dayBands, { nil: null }),
    timezone: fc.constantFrom(...zones),
    minimumMinor: fc.option(fc.integer({ min: 0, max: 20_000 }), { nil: null }),
    flatMinor: fc.option(fc.integer({ min: 0, max: 5000 }), { nil: null }),
  })
  .map(
    ({ bands, weekend, timezone, minimumMinor, flatMinor }): Tariff => ({
      ...tariffOf(bands, timezone),
      ...(weekend !== null && { days: [{ name: 'weekend', weekdays: [6, 7], bands: weekend }] }),
      ...(minimumMinor !== null && { minimumMinor }),
      ...(flatMinor !== null && { reservation: { flatMinor, minutePriceE4: 777 } }),
    }),
  );

const charges = fc
  .tuple(
    fc.integer({ min: Date.parse('2025-01-01T00:00Z'), max: Date.parse('2027-01-01T00:00Z') }),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 20_000_000 }), fc.integer({ min: 0, max: 30_000 })), {
      minLength: 2,
      maxLength: 8,
    }),
  )
  .map(([startMs, steps]) => {
    const readings = [reading(startMs, 100)];
    for (const [ms, wh] of steps) {
      const last = readings.at(-1) ?? reading(startMs, 100);
      readings.push(reading(last.atMs + ms, last.registerWh + wh));
    }
    return readings;
  });

const check = (holds: (tariff: Tariff, readings: MeterReading[]) => void) =>
  fc.assert(fc.property(tariffs, charges, holds), { numRuns: 200, seed: 20_251_026 });

/** What the energy costs before anything is rounded, in 1/100,000 of a minor unit. */
const exactly = ({ lines }: Rating) => lines.reduce((sum, line) => sum + line.energyWh * line.priceE4, 0);
const energyMinor = ({ electricityMinor, serviceMinor }: Rating) => electricityMinor + serviceMinor;

test('RS-05 the total is the sum of the lines and of the fees, with a minimum and a reservation as well', () => {
  check((tariff, readings) => {
    const bill = rate(tariff, readings, { reservation: { heldMs: 90_000 }, holdMinor: 5000 });
    const sum = [...bill.lines, ...(bill.fees ?? [])].reduce((total, { amountMinor }) => total + amountMinor, 0);
    expect(bill.totalMinor).toBe(sum);
    expect(bill.hold?.chargedMinor).toBe(Math.min(5000, sum));
    expect((bill.hold?.chargedMinor ?? 0) + (bill.hold?.excessMinor ?? 0)).toBe(sum);
    if (bill.energyWh > 0) expect(sum).toBeGreaterThanOrEqual(tariff.minimumMinor ?? 0);
    expect(ratingSchema.parse(bill)).toEqual(bill);
  });
});

test('RS-05 each line is within half a minor unit of the exact price, so a bill within half of its number of lines', () => {
  check((tariff, readings) => {
    const bill = rate(tariff, readings);
    for (const line of bill.lines)
      expect(Math.abs(line.amountMinor * 100_000 - line.energyWh * line.priceE4)).toBeLessThanOrEqual(50_000);
    expect(Math.abs(energyMinor(bill) * 100_000 - exactly(bill))).toBeLessThanOrEqual(bill.lines.length * 50_000);
  });
});

test('RS-05 two charges in place of one cost the same before rounding, and at most one minor unit per line more or less', () => {
  check((tariff, readings) => {
    const whole = rate(tariff, readings);
    for (let at = 1; at < readings.length - 1; at += 1) {
      const [first, second] = [rate(tariff, readings.slice(0, at + 1)), rate(tariff, readings.slice(at))];
      const extraLines = first.lines.length + second.lines.length - whole.lines.length;
      // None where the cut is on a boundary, else the two lines that it goes through.
      expect([0, 2]).toContain(extraLines);
      expect(first.energyWh + second.energyWh).toBe(whole.energyWh);
      expect(exactly(first) + exactly(second)).toBe(exactly(whole));
      expect(Math.abs(energyMinor(first) + energyMinor(second) - energyMinor(whole))).toBeLessThanOrEqual(extraLines);
    }
  });
});

test('RS-05 lines come in order of time, electricity before service, without gaps, and each energy twice', () => {
  check((tariff, readings) => {
    const { lines, energyWh } = rate(tariff, readings);
    const [first, last] = [readings[0], readings.at(-1)];
    expect(lines.map(({ fee }) => fee)).toEqual(lines.map((_, i) => (i % 2 === 0 ? 'electricity' : 'service')));
    for (const [i, line] of lines.entries()) {
      const before = lines[i - 1];
      expect(line.fromMs).toBe(i % 2 === 1 ? before?.fromMs : (before?.toMs ?? first?.atMs));
      if (i % 2 === 1)
        expect([line.toMs, line.energyWh, line.band]).toEqual([before?.toMs, before?.energyWh, before?.band]);
    }
    expect(lines.at(-1)?.toMs).toBe(last?.atMs);
    expect(lines.reduce((sum, line) => sum + line.energyWh, 0)).toBe(2 * energyWh);
  });
});

test('RS-05 a reading more, on the straight line between two others, moves no energy that was measured', () => {
  check((tariff, readings) => {
    const doubled = readings.flatMap((told, i) => {
      const next = readings[i + 1];
      if (next === undefined || (next.registerWh - told.registerWh) % 2 !== 0 || (next.atMs - told.atMs) % 2 !== 0)
        return [told];
      return [told, reading((told.atMs + next.atMs) / 2, (told.registerWh + next.registerWh) / 2)];
    });
    const [plain, more] = [rate(tariff, readings), rate(tariff, doubled)];
    expect(more.lines.map(({ energyWh }) => energyWh)).toEqual(plain.lines.map(({ energyWh }) => energyWh));
    expect(more.totalMinor).toBe(plain.totalMinor);
  });
});
