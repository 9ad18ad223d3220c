import { z } from 'zod';
import { bandPeriods } from './bands.ts';
import type { Tariff } from './tariff.ts';

/** A cumulative meter register at an instant, in whole watt-hours. */
export const meterReadingSchema = z.object({
  atMs: z.int(),
  registerWh: z.int().nonnegative(),
  quality: z.enum(['measured', 'estimated']),
});
export type MeterReading = z.infer<typeof meterReadingSchema>;

/** One fee of one period: the amount is `energyWh × priceE4`, rounded half-up once to the minor unit. */
export const ratingLineSchema = z.object({
  fee: z.enum(['electricity', 'service']),
  band: z.string(),
  fromMs: z.int(),
  toMs: z.int(),
  energyWh: z.int().nonnegative(),
  priceE4: z.int().nonnegative(),
  amountMinor: z.int().nonnegative(),
  split: z.enum(['measured', 'interpolated']),
});
export type RatingLine = z.infer<typeof ratingLineSchema>;

/** A bill that anybody can add up again: totals are the sums of the lines. Amounts in 1/100 of the currency unit. */
export const ratingSchema = z.object({
  tariffId: z.string(),
  tariffVersion: z.int().positive(),
  currency: z.string(),
  energyWh: z.int().nonnegative(),
  lines: z.array(ratingLineSchema),
  electricityMinor: z.int().nonnegative(),
  serviceMinor: z.int().nonnegative(),
  totalMinor: z.int().nonnegative(),
});
export type Rating = z.infer<typeof ratingSchema>;

/** Readings this close on both sides of a band boundary count as a reading taken at it. */
export const BOUNDARY_TOLERANCE_MS = 10_000;

/** Longer than this is a broken clock, not a charge; rating it would walk through every minute of it. */
const LONGEST_CHARGE_MS = 31 * 86_400_000;

/** Wh × 1/10,000 unit per kWh, to 1/100 unit: divide by 1,000 (kWh) and by 100 (10,000 → 100). */
const E4_WH_PER_MINOR = 100_000n;

/** Rounds half up, once, in exact integers. */
export function amountMinorOf(energyWh: number, priceE4: number): number {
  const product = BigInt(energyWh) * BigInt(priceE4);
  return Number((2n * product + E4_WH_PER_MINOR) / (2n * E4_WH_PER_MINOR));
}

interface Split {
  readonly registerWh: number;
  readonly split: 'measured' | 'interpolated';
}

function registerAt(readings: readonly MeterReading[], atMs: number): Split {
  const after = readings.findIndex((reading) => reading.atMs >= atMs);
  const next = readings[after];
  const before = readings[after - 1];
  if (next === undefined) throw new RangeError(`no reading at or after ${atMs}`);
  if (next.atMs === atMs || before === undefined) return { registerWh: next.registerWh, split: 'measured' };
  const riseWh = BigInt(next.registerWh - before.registerWh);
  const partWh = (riseWh * BigInt(atMs - before.atMs)) / BigInt(next.atMs - before.atMs);
  const registerWh = before.registerWh + Number(partWh);
  const close = atMs - before.atMs <= BOUNDARY_TOLERANCE_MS && next.atMs - atMs <= BOUNDARY_TOLERANCE_MS;
  return { registerWh, split: close ? 'measured' : 'interpolated' };
}

function assertRateable(readings: readonly MeterReading[]): [MeterReading, MeterReading] {
  const first = readings[0];
  const last = readings.at(-1);
  if (first === undefined || last === undefined || readings.length < 2) {
    throw new RangeError('a charge is rated from at least two meter readings');
  }
  if (last.atMs - first.atMs > LONGEST_CHARGE_MS) throw new RangeError('the readings span more than 31 days');
  readings.forEach((reading, index) => {
    const before = readings[index - 1];
    if (before === undefined) return;
    if (reading.atMs < before.atMs) throw new RangeError(`reading ${index} is earlier than the one before`);
    if (reading.registerWh < before.registerWh) throw new RangeError(`reading ${index} runs backwards`);
  });
  return [first, last];
}

/**
 * Prices one charge. Edge and cloud call this same function and must agree to the minor unit.
 *
 * @param readings in order of time, registers never falling; first and last bound the charge
 * @throws RangeError when the readings cannot be billed as they are
 */
export function rate(tariff: Tariff, readings: readonly MeterReading[]): Rating {
  const [first, last] = assertRateable(readings);
  let from: Split = { registerWh: first.registerWh, split: 'measured' };
  const lines = bandPeriods(tariff, first.atMs, last.atMs).flatMap((period): RatingLine[] => {
    const isLast = period.toMs === last.atMs;
    const to: Split = isLast ? { registerWh: last.registerWh, split: 'measured' } : registerAt(readings, period.toMs);
    const energyWh = to.registerWh - from.registerWh;
    const split = from.split === 'measured' && to.split === 'measured' ? 'measured' : 'interpolated';
    from = to;
    const line = (fee: RatingLine['fee'], priceE4: number): RatingLine => ({
      fee,
      band: period.band.name,
      fromMs: period.fromMs,
      toMs: period.toMs,
      energyWh,
      priceE4,
      amountMinor: amountMinorOf(energyWh, priceE4),
      split,
    });
    return [line('electricity', period.band.electricityPriceE4), line('service', period.band.servicePriceE4)];
  });
  const sumOf = (fee: RatingLine['fee']) =>
    lines.filter((line) => line.fee === fee).reduce((sum, line) => sum + line.amountMinor, 0);
  const electricityMinor = sumOf('electricity');
  const serviceMinor = sumOf('service');
  return {
    tariffId: tariff.tariffId,
    tariffVersion: tariff.version,
    currency: tariff.currency,
    energyWh: last.registerWh - first.registerWh,
    lines,
    electricityMinor,
    serviceMinor,
    totalMinor: electricityMinor + serviceMinor,
  };
}
