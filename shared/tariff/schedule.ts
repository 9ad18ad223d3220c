import { z } from 'zod';
import { connectorIdSchema } from '../ids.ts';
import { ok, type Result, refuse } from '../result.ts';
import { type Tariff, tariffSchema, versionSchema } from './tariff.ts';

const instantSchema = z.iso.datetime({
  offset: true,
  error: 'an instant with its offset, such as 2026-01-01T00:00:00+08:00',
});

/**
 * What a price must lie between, for whoever mistypes one. A fee that has no bound here cannot be asked for: nothing is
 * believed by default.
 */
export const priceBoundsSchema = z
  .strictObject({
    /** Electricity and service together, in 1/10,000 of the currency unit per kWh. */
    leastPriceE4: z.int().min(0),
    mostPriceE4: z.int().min(0),
    /** Occupancy and reservation, in 1/10,000 of the currency unit per minute. */
    mostMinutePriceE4: z.int().min(0).optional(),
    /** Minimum, cap, flat and no-show fees, in 1/100 of the currency unit. */
    mostFeeMinor: z.int().min(0).optional(),
  })
  .refine((bounds) => bounds.leastPriceE4 <= bounds.mostPriceE4, {
    path: ['mostPriceE4'],
    message: 'at least leastPriceE4',
  });
export type PriceBounds = z.infer<typeof priceBoundsSchema>;

/** A tariff version with where and when it is in force: from an instant on, and before another (null: until further notice). */
export const scheduledTariffSchema = z.strictObject({
  from: instantSchema,
  until: instantSchema.nullable(),
  /** Absent: the whole site. */
  connectorIds: z.array(connectorIdSchema).min(1).max(500).optional(),
  tariff: tariffSchema,
});
export type ScheduledTariff = z.infer<typeof scheduledTariffSchema>;

/** All tariffs of a site, past ones as long as somebody wants to see them; each version of the document replaces the one before. */
export const tariffScheduleSchema = z.strictObject({
  version: versionSchema,
  currency: tariffSchema.shape.currency,
  bounds: priceBoundsSchema,
  tariffs: z.array(scheduledTariffSchema).max(500),
});
export type TariffSchedule = z.infer<typeof tariffScheduleSchema>;

/** A tariff, whatever carries it, with where and when it is in force. */
type InForce<Document> = Pick<ScheduledTariff, 'from' | 'until'> & {
  readonly connectorIds?: readonly string[] | undefined;
  readonly tariff: Document;
};

/** Why there is no tariff: none for this connector at all; none yet, but one will begin; all of them have ended. */
export type NoTariff = 'none' | 'not-yet' | 'expired';

export const fromMsOf = ({ from }: Pick<ScheduledTariff, 'from'>): number => Date.parse(from);

export const untilMsOf = ({ until }: Pick<ScheduledTariff, 'until'>): number =>
  until === null ? Number.POSITIVE_INFINITY : Date.parse(until);

/**
 * The tariff that a charge begun at this instant is billed by, whatever comes later. One that names the connector goes
 * before one for the whole site.
 *
 * @param connectorId null: what holds for the whole site
 */
export function tariffAt<Document = Tariff>(
  schedule: { readonly tariffs: readonly InForce<Document>[] },
  connectorId: string | null,
  atMs: number,
): Result<Document, NoTariff> {
  const own = schedule.tariffs.filter(
    ({ connectorIds }) => connectorId !== null && connectorIds?.includes(connectorId) === true,
  );
  const forAll = schedule.tariffs.filter(({ connectorIds }) => connectorIds === undefined);
  const isInForce = (entry: InForce<Document>) => fromMsOf(entry) <= atMs && atMs < untilMsOf(entry);
  const found = own.findLast(isInForce) ?? forAll.findLast(isInForce);
  if (found !== undefined) return ok(found.tariff);
  const candidates = [...own, ...forAll];
  if (candidates.length === 0) return refuse('none');
  return refuse(candidates.some((entry) => fromMsOf(entry) > atMs) ? 'not-yet' : 'expired');
}
