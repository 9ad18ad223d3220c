import { z } from 'zod';
import { type FeeLine, feeLineSchema, occupancyLines, reservationLines, sumOfFees } from './fee-lines.ts';
import type { Tariff } from './tariff.ts';

/** A bill without energy. The total is the sum of the lines; a bill of nothing has none. */
export const feeRatingSchema = z.object({
  tariffId: z.string(),
  tariffVersion: z.int().positive(),
  currency: z.string(),
  lines: z.array(feeLineSchema),
  totalMinor: z.int().nonnegative(),
});
export type FeeRating = z.infer<typeof feeRatingSchema>;

const billOf = ({ tariffId, version, currency }: Tariff, lines: FeeLine[]): FeeRating => ({
  tariffId,
  tariffVersion: version,
  currency,
  lines,
  totalMinor: sumOfFees(lines),
});

/**
 * Prices the time that a vehicle stayed plugged in after its charge, by the tariff of that charge. Null: the tariff asks
 * nothing for it.
 */
export function rateOccupancy(tariff: Tariff, occupiedMs: number): FeeRating | null {
  return tariff.occupancy === undefined ? null : billOf(tariff, occupancyLines(tariff.occupancy, occupiedMs));
}

/**
 * Prices a reservation that led to no charge; where it did, its lines are in the bill of the charge. Null: the tariff asks
 * nothing for it.
 *
 * @param isNoShow it ran out; false: it was given back in time
 */
export function rateReservation(tariff: Tariff, held: { heldMs: number; isNoShow: boolean }): FeeRating | null {
  return tariff.reservation === undefined ? null : billOf(tariff, reservationLines(tariff, held));
}
