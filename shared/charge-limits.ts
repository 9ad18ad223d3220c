import { z } from 'zod';

/**
 * Where a charge is to end by itself, whichever comes first; what is missing does not limit it. `energyWh` by the meter
 * that bills, `durationMs` from its begin, `amountMinor` as rated (1/100 of the tariff's currency unit), `socPercent` as
 * the vehicle tells it.
 */
export const chargeLimitsSchema = z.object({
  energyWh: z.int().positive().optional(),
  durationMs: z.int().positive().optional(),
  amountMinor: z.int().positive().optional(),
  socPercent: z.int().min(1).max(100).optional(),
});
export type ChargeLimits = z.infer<typeof chargeLimitsSchema>;
