import { z } from 'zod';
import { chargeLimitsSchema } from '../charge-limits.ts';
import { faultCodes } from '../faults.ts';
import { connectorIdSchema, pileIdSchema, siteIdSchema, uuidSchema } from '../ids.ts';
import { stampSchema, wallMsSchema } from '../stamp.ts';
import { chargeTermsSchema, meterReadingSchema, ratingSchema } from '../tariff/rate.ts';
import { tariffSchema } from '../tariff/tariff.ts';

/**
 * Why a charge ended. `driver`: whoever began it on site; `limit-reached`: the longest time or the most energy that one charge may take; `site`: a rule or
 * an input of the site, such as its emergency stop; `target-reached`: where whoever began it wanted it to end; `hold-used-up`: as
 * much as has been paid or held for it.
 */
export const stopReasonSchema = z.enum([
  'partner',
  'staff',
  'technician',
  'driver',
  'vehicle',
  'gun-removed',
  'fault',
  'communication-lost',
  'not-confirmed',
  'controller-outage',
  'limit-reached',
  'target-reached',
  'hold-used-up',
  'site',
]);
export type StopReason = z.infer<typeof stopReasonSchema>;

/** What a charge that ended by itself had come to: one of its limits, or the hold. */
export const chargeTargetSchema = z.enum(['energy', 'duration', 'amount', 'soc', 'hold']);
export type ChargeTarget = z.infer<typeof chargeTargetSchema>;

/**
 * Who began a charge on site. `reference` tells the same person's charges together, and is never the number on a card.
 */
export const localUserSchema = z.object({
  kind: z.enum(['card', 'technician']),
  reference: z.string().min(1).max(64),
});
export type LocalUser = z.infer<typeof localUserSchema>;

/**
 * What an energy register did that is more than counting: `rollover`, it began again at 0 after its highest count;
 * `reset`, it began again at 0; `replaced`, another meter, or one set to another count; `jump`, it rose further than
 * energy can have flowed and stayed there; `glitch` and `backward`, it showed too much or too little for a while, or
 * still did at the end; `stuck`, it stood still though power was measured; `missing`, the pile did not tell it.
 */
export const meterEventKinds = [
  'rollover',
  'reset',
  'replaced',
  'backward',
  'jump',
  'glitch',
  'stuck',
  'missing',
] as const;

/**
 * Evidence of one such event. Raw values are as the meter shows them: the last one believed and the one that came
 * instead, null when there was none. `creditedWh` is what was billed of the step between them.
 */
export const meterEventSchema = z.object({
  atMs: wallMsSchema,
  kind: z.enum(meterEventKinds),
  fromRawWh: z.int().nonnegative(),
  toRawWh: z.int().nonnegative().nullable(),
  creditedWh: z.int().nonnegative(),
});
export type MeterEvent = z.infer<typeof meterEventSchema>;

/** A record carries at most so many meter events; the rest is counted. */
export const MAX_METER_EVENTS = 50;

/**
 * What is not as it should be about a charge, for everybody to see:
 * `adopted`, the controller restarted in the middle of it; `pile-restarted`, the pile did; `tripped-off`, only the
 * site's trip output ended it; `zero-energy`, it was confirmed and the register never moved; `phantom`, it was
 * confirmed and no current was ever seen either; `recovered`, the record was read from a damaged store; `end-estimated`, the last reading was taken
 * before the true end; `stop-not-proven`, current could not be read as zero at the end;
 * `clock-corrected`, its times were shifted as a whole when the site learned the true time; `clock-untrusted`, nobody
 * has confirmed the time of a part of it;
 * `register-implausible`, written by older edges: the meter ran backwards or jumped, and the energy stops at the last
 * good reading; `meter-…`, the register did what {@link meterEventKinds} tells of.
 */
export const cdrMarkSchema = z.enum([
  'adopted',
  'pile-restarted',
  'tripped-off',
  'zero-energy',
  'phantom',
  'recovered',
  'end-estimated',
  'stop-not-proven',
  'clock-corrected',
  'clock-untrusted',
  'register-implausible',
  ...meterEventKinds.map((kind) => `meter-${kind}` as const),
]);
export type CdrMark = z.infer<typeof cdrMarkSchema>;

/**
 * The charge detail record: written once on the edge, never changed. It carries everything that is needed
 * to bill again: readings, tariff, lines. `rating` is null when no tariff was known: never a default price.
 * A void record tells of energy that flowed and is billed to nobody.
 *
 * `meterStartWh`, `meterEndWh` and the readings are on the charge's own axis, which begins at the meter's raw start
 * and only energy moves. The raw values and the meter events are optional, and stay absent when they are: records
 * from older edges have none, and a record is never changed.
 */
export const cdrSchema = z.object({
  cdrId: uuidSchema,
  sessionId: uuidSchema,
  siteId: siteIdSchema,
  pileId: pileIdSchema,
  connectorId: connectorIdSchema,
  orderId: uuidSchema.nullable(),
  commandId: uuidSchema.nullable(),
  /** Absent with an order of the cloud. */
  startedBy: localUserSchema.optional(),
  startedAt: stampSchema,
  endedAt: stampSchema,
  durationMs: z.int().nonnegative(),
  meterStartWh: z.int().nonnegative(),
  meterEndWh: z.int().nonnegative(),
  energyWh: z.int().nonnegative(),
  rawStartWh: z.int().nonnegative().optional(),
  rawEndWh: z.int().nonnegative().optional(),
  meterEvents: z.array(meterEventSchema).optional(),
  /** How many more meter events there were than are listed. */
  meterEventsLeftOut: z.int().nonnegative().optional(),
  readings: z.array(meterReadingSchema).min(2),
  stopReason: stopReasonSchema,
  /** With `target-reached` and `hold-used-up`. */
  target: chargeTargetSchema.optional(),
  /** Where it was to end by itself. Absent: nowhere. */
  limits: chargeLimitsSchema.optional(),
  faultCode: z.enum(faultCodes).nullable(),
  marks: z.array(cdrMarkSchema),
  voidReason: z.enum(['not-confirmed', 'cancelled']).nullable(),
  tariff: tariffSchema.nullable(),
  /** What else it is rated with; absent where there is nothing of it. */
  ...chargeTermsSchema.shape,
  rating: ratingSchema.nullable(),
  /** The vehicle stays plugged in, and the tariff asks for that: a record of it with this identity follows. */
  occupancyId: uuidSchema.optional(),
});
export type Cdr = z.infer<typeof cdrSchema>;
