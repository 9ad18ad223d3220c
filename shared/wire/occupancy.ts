import { z } from 'zod';
import { connectorIdSchema, pileIdSchema, siteIdSchema, uuidSchema } from '../ids.ts';
import { stampSchema } from '../stamp.ts';
import { feeRatingSchema } from '../tariff/rate-fees.ts';
import { tariffSchema } from '../tariff/tariff.ts';

/**
 * A vehicle stayed plugged in after its charge, and what that costs by the tariff of the charge. Written once, when it is
 * over, and never changed. A charge detail record that carries an `occupancyId` is followed by it.
 *
 * `occupiedMs` is what was seen, by the monotonic clock, from the end of the charge until the vehicle was last seen plugged
 * in; where nobody could tell, it is the less. `endedBy`: `unplugged`, the gun was seen out; `next-charge`, another
 * charge began with the same gun in; `unseen`, nobody can look at the connector any more.
 */
export const occupancySchema = z.object({
  occupancyId: uuidSchema,
  sessionId: uuidSchema,
  cdrId: uuidSchema,
  orderId: uuidSchema.nullable(),
  siteId: siteIdSchema,
  pileId: pileIdSchema,
  connectorId: connectorIdSchema,
  from: stampSchema,
  to: stampSchema,
  occupiedMs: z.int().nonnegative(),
  endedBy: z.enum(['unplugged', 'next-charge', 'unseen']),
  tariff: tariffSchema,
  rating: feeRatingSchema,
});
export type OccupancyRecord = z.infer<typeof occupancySchema>;
