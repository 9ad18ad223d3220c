import { z } from 'zod';
import { type ChargeLimits, chargeLimitsSchema } from '#shared/charge-limits.ts';
import type { OrderRow } from '../db/schema.ts';

/** Where a charge ends by itself, in the words of the partner API. */
export const limitsSchema = z
  .strictObject({
    energy_wh: z.int().positive().optional(),
    duration_s: z.int().positive().max(1_000_000).optional(),
    amount_minor: z.int().positive().optional().describe('as billed, in 1/100 of the currency unit'),
    soc_percent: z.int().min(1).max(100).optional().describe('where the vehicle tells it: DC piles'),
  })
  .refine((limits) => Object.keys(limits).length > 0, { message: 'a limit, or leave it out' })
  .meta({ id: 'ChargeLimits' });
type LimitsView = z.infer<typeof limitsSchema>;

export function chargeLimitsOf(limits: LimitsView | undefined): ChargeLimits | null {
  if (limits === undefined) return null;
  const { energy_wh: energyWh, duration_s: durationS, amount_minor: amountMinor, soc_percent: socPercent } = limits;
  return {
    ...(energyWh !== undefined && { energyWh }),
    ...(durationS !== undefined && { durationMs: durationS * 1000 }),
    ...(amountMinor !== undefined && { amountMinor }),
    ...(socPercent !== undefined && { socPercent }),
  };
}

/** Where an order's charge ends by itself; null: nowhere. */
export const limitsOf = ({ limits }: Pick<OrderRow, 'limits'>): ChargeLimits | null =>
  limits === null ? null : chargeLimitsSchema.parse(JSON.parse(limits));

export const limitsView = ({ energyWh, durationMs, amountMinor, socPercent }: ChargeLimits): LimitsView => ({
  ...(energyWh !== undefined && { energy_wh: energyWh }),
  ...(durationMs !== undefined && { duration_s: Math.floor(durationMs / 1000) }),
  ...(amountMinor !== undefined && { amount_minor: amountMinor }),
  ...(socPercent !== undefined && { soc_percent: socPercent }),
});
