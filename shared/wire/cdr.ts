import { z } from 'zod';
import { faultCodes } from '../faults.ts';
import { connectorIdSchema, pileIdSchema, siteIdSchema, uuidSchema } from '../ids.ts';
import { stampSchema } from '../stamp.ts';
import { meterReadingSchema, ratingSchema } from '../tariff/rate.ts';
import { tariffSchema } from '../tariff/tariff.ts';

export const stopReasonSchema = z.enum([
  'partner',
  'staff',
  'technician',
  'vehicle',
  'gun-removed',
  'fault',
  'communication-lost',
  'not-confirmed',
  'controller-outage',
]);
export type StopReason = z.infer<typeof stopReasonSchema>;

/**
 * What is not as it should be about a charge, for everybody to see:
 * `adopted`, the controller restarted in the middle of it; `end-estimated`, the last reading was taken
 * before the true end; `stop-not-proven`, current could not be read as zero at the end;
 * `register-implausible`, the meter ran backwards or jumped, and the energy stops at the last good reading.
 */
export const cdrMarkSchema = z.enum(['adopted', 'end-estimated', 'stop-not-proven', 'register-implausible']);
export type CdrMark = z.infer<typeof cdrMarkSchema>;

/**
 * The charge detail record: written once on the edge, never changed. It carries everything that is needed
 * to bill again: readings, tariff, lines. `rating` is null when no tariff was known: never a default price.
 * A void record tells of energy that flowed and is billed to nobody.
 */
export const cdrSchema = z.object({
  cdrId: uuidSchema,
  sessionId: uuidSchema,
  siteId: siteIdSchema,
  pileId: pileIdSchema,
  connectorId: connectorIdSchema,
  orderId: uuidSchema.nullable(),
  commandId: uuidSchema.nullable(),
  startedAt: stampSchema,
  endedAt: stampSchema,
  durationMs: z.int().nonnegative(),
  meterStartWh: z.int().nonnegative(),
  meterEndWh: z.int().nonnegative(),
  energyWh: z.int().nonnegative(),
  readings: z.array(meterReadingSchema).min(2),
  stopReason: stopReasonSchema,
  faultCode: z.enum(faultCodes).nullable(),
  marks: z.array(cdrMarkSchema),
  voidReason: z.enum(['not-confirmed', 'cancelled']).nullable(),
  tariff: tariffSchema.nullable(),
  rating: ratingSchema.nullable(),
});
export type Cdr = z.infer<typeof cdrSchema>;
