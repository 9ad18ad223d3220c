import { z } from 'zod';
import { wallMsSchema } from '../stamp.ts';
import { amountMinorOf } from './amount.ts';
import { bandPeriods } from './bands.ts';
import { feeLineSchema, minimumLines, reservationLines, sumOfFees } from './fee-lines.ts';
import type { Tariff } from './tariff.ts';

/** A cumulative meter register at an instant, in whole watt-hours. */
export const meterReadingSchema = z.object({
  atMs: wallMsSchema,
  registerWh: z.int().nonnegative(),
  quality: z.enum(['measured', 'estimated']),
});
export type MeterReading = z.infer<typeof meterReadingSchema>;

/** One fee of one period: the amount is `energyWh × priceE4`, rounded half-up once to the minor unit. */
export const ratingLineSchema = z.object({
  fee: z.enum(['electricity', 'service']),
  band: z.string(),
  fromMs: wallMsSchema,
  toMs: wallMsSchema,
  energyWh: z.int().nonnegative(),
  priceE4: z.int().nonnegative(),
  amountMinor: z.int().nonnegative(),
  split: z.enum(['measured', 'interpolated']),
});
export type RatingLine = z.infer<typeof ratingLineSchema>;

/** What was paid beforehand, and how the bill stands to it: no more than that is charged, and the excess to nobody. */
export const holdSchema = z.object({
  holdMinor: z.int().nonnegative(),
  chargedMinor: z.int().nonnegative(),
  excessMinor: z.int().nonnegative(),
});
export type Hold = z.infer<typeof holdSchema>;

/**
 * A bill that anybody can add up again: totals are the sums of the lines. Amounts in 1/100 of the currency unit. Fees and
 * hold stay absent where there are none: records from before them are rated to the same bytes.
 */
export const ratingSchema = z.object({
  tariffId: z.string(),
  tariffVersion: z.int().positive(),
  currency: z.string(),
  energyWh: z.int().nonnegative(),
  lines: z.array(ratingLineSchema),
  electricityMinor: z.int().nonnegative(),
  serviceMinor: z.int().nonnegative(),
  fees: z.array(feeLineSchema).optional(),
  /** The sum of the fees. */
  feesMinor: z.int().nonnegative().optional(),
  /** Electricity, service and fees. */
  totalMinor: z.int().nonnegative(),
  hold: holdSchema.optional(),
});
export type Rating = z.infer<typeof ratingSchema>;

/** Readings this close on both sides of a band boundary count as a reading taken at it. */
export const BOUNDARY_TOLERANCE_MS = 10_000;

/** Longer than this is a broken clock, not a charge; rating it would walk through every minute of it. */
export const LONGEST_RATED_MS = 31 * 86_400_000;

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
  if (last.atMs - first.atMs > LONGEST_RATED_MS) throw new RangeError('the readings span more than 31 days');
  readings.forEach((reading, index) => {
    const before = readings[index - 1];
    if (before === undefined) return;
    if (reading.atMs < before.atMs) throw new RangeError(`reading ${index} is earlier than the one before`);
    if (reading.registerWh < before.registerWh) throw new RangeError(`reading ${index} runs backwards`);
  });
  return [first, last];
}

/** What a charge is rated with beside its readings; a charge detail record carries it in these words. */
export const chargeTermsSchema = z.object({
  /** The connector had been held for it, from the reservation until the start. */
  reservation: z.object({ heldMs: z.int().nonnegative() }).optional(),
  /** The amount paid beforehand. */
  holdMinor: z.int().nonnegative().optional(),
});
export type ChargeTerms = z.infer<typeof chargeTermsSchema>;

/** What of an amount is charged when only so much has been paid. */
export function againstHold(totalMinor: number, holdMinor: number): Hold {
  const chargedMinor = Math.min(totalMinor, holdMinor);
  return { holdMinor, chargedMinor, excessMinor: totalMinor - chargedMinor };
}

/**
 * Prices one charge. Edge and cloud call this same function and must agree to the minor unit.
 *
 * @param readings in order of time, registers never falling; first and last bound the charge
 * @param terms what else the charge was agreed under; a record of one can be given as it is
 * @throws RangeError when the readings cannot be billed as they are
 */
export function rate(tariff: Tariff, readings: readonly MeterReading[], terms: ChargeTerms = {}): Rating {
  const [first, last] = assertRateable(readings);
  const energyWh = last.registerWh - first.registerWh;
  const lines = energyLines(tariff, readings, first, last);
  const sumOf = (fee: RatingLine['fee']) =>
    lines.filter((line) => line.fee === fee).reduce((sum, line) => sum + line.amountMinor, 0);
  const electricityMinor = sumOf('electricity');
  const serviceMinor = sumOf('service');
  const { reservation, holdMinor } = terms;
  const fees = [
    ...minimumLines(tariff, energyWh, electricityMinor + serviceMinor),
    ...(reservation === undefined ? [] : reservationLines(tariff, { ...reservation, isNoShow: false })),
  ];
  const feesMinor = sumOfFees(fees);
  const totalMinor = electricityMinor + serviceMinor + feesMinor;
  return {
    tariffId: tariff.tariffId,
    tariffVersion: tariff.version,
    currency: tariff.currency,
    energyWh,
    lines,
    electricityMinor,
    serviceMinor,
    ...(fees.length > 0 && { fees, feesMinor }),
    totalMinor,
    ...(holdMinor !== undefined && { hold: againstHold(totalMinor, holdMinor) }),
  };
}

/** Two lines for each piece of time in one price band. */
function energyLines(
  tariff: Tariff,
  readings: readonly MeterReading[],
  first: MeterReading,
  last: MeterReading,
): RatingLine[] {
  let from: Split = { registerWh: first.registerWh, split: 'measured' };
  return bandPeriods(tariff, first.atMs, last.atMs).flatMap((period): RatingLine[] => {
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
}
