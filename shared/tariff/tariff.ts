import { z } from 'zod';
import { isKnownZone } from '../local-time.ts';

const MINUTES_PER_DAY = 1440;

/** Versions are counted, or written as a date such as 20261121; databases keep them in 32 bits. */
export const versionSchema = z.int().positive().max(2_147_483_647);

/** Price in 1/10,000 of the currency unit per kWh. */
const priceE4Schema = z.int().min(0).max(1_000_000);

/** From `startMinute` of the local day until the next band begins; the first band begins at 0, so a day has no gaps. */
export const bandSchema = z.strictObject({
  name: z.string().min(1).max(32),
  startMinute: z
    .int()
    .min(0)
    .max(MINUTES_PER_DAY - 1),
  electricityPriceE4: priceE4Schema,
  servicePriceE4: priceE4Schema,
});
export type Band = z.infer<typeof bandSchema>;

/** The bands of a day, in order, from minute 0 on. */
const dayBandsSchema = z
  .array(bandSchema)
  .min(1)
  .max(48)
  .superRefine((bands, context) => {
    bands.forEach((band, index) => {
      const before = bands[index - 1];
      if (index === 0 && band.startMinute !== 0) {
        context.addIssue({ code: 'custom', path: [0, 'startMinute'], message: 'the first band begins at 0' });
      }
      if (before !== undefined && band.startMinute <= before.startMinute) {
        context.addIssue({
          code: 'custom',
          path: [index, 'startMinute'],
          message: `later than ${before.startMinute}, where the band before begins`,
        });
      }
    });
  });

/**
 * Local days with bands of their own. A day is meant when it fits everything that is given: its month (1 to 12), its day of
 * the week (1 is Monday, 7 is Sunday, as ISO 8601 counts), its date.
 */
const dayPlanSchema = z
  .strictObject({
    name: z.string().min(1).max(32),
    months: z.array(z.int().min(1).max(12)).min(1).max(12).optional(),
    weekdays: z.array(z.int().min(1).max(7)).min(1).max(7).optional(),
    dates: z.array(z.iso.date('a date such as 2026-10-01')).min(1).max(400).optional(),
    bands: dayBandsSchema,
  })
  .refine(({ months, weekdays, dates }) => (months ?? weekdays ?? dates) !== undefined, {
    message: 'says for which months, weekdays or dates it is',
  });
export type DayPlan = z.infer<typeof dayPlanSchema>;

/** An amount in 1/100 of the currency unit. */
const minorSchema = z.int().min(0).max(10_000_000);

/** Price in 1/10,000 of the currency unit per minute. */
const minutePriceE4Schema = z.int().min(0).max(1_000_000);

/**
 * What it costs to stay plugged in when the charge is over: each started minute beyond the grace time, together `mostMinor`
 * at most.
 */
export const occupancyPriceSchema = z.strictObject({
  graceMinutes: z.int().min(0).max(1440),
  minutePriceE4: minutePriceE4Schema,
  mostMinor: minorSchema.optional(),
});
export type OccupancyPrice = z.infer<typeof occupancyPriceSchema>;

/** What a reservation costs: once, per started minute held, and once more when nobody came. */
export const reservationPriceSchema = z
  .strictObject({
    flatMinor: minorSchema.optional(),
    minutePriceE4: minutePriceE4Schema.optional(),
    noShowMinor: minorSchema.optional(),
  })
  .refine((price) => Object.keys(price).length > 0, { message: 'a price, or leave the whole of it out' });
export type ReservationPrice = z.infer<typeof reservationPriceSchema>;

/**
 * One immutable version of a tariff. A charge keeps the version it was started under. What is optional is not charged when
 * it is absent. The first of `days` that fits a local day has its bands; `bands` are those of every other day.
 */
export const tariffSchema = z.strictObject({
  tariffId: z.string().min(1).max(64),
  version: versionSchema,
  currency: z.string().regex(/^[A-Z]{3}$/, 'an ISO 4217 code such as CNY'),
  timezone: z.string().refine(isKnownZone, 'an IANA time zone such as Asia/Shanghai'),
  bands: dayBandsSchema,
  days: z.array(dayPlanSchema).min(1).max(32).optional(),
  /** A charge that has delivered anything costs at least this. */
  minimumMinor: minorSchema.optional(),
  occupancy: occupancyPriceSchema.optional(),
  reservation: reservationPriceSchema.optional(),
});
export type Tariff = z.infer<typeof tariffSchema>;

/** Whether the time of a charge can matter to its price. */
export const hasSeveralBands = ({ bands, days }: Tariff): boolean => bands.length > 1 || days !== undefined;
