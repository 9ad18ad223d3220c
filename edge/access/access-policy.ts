import { z } from 'zod';
import { chargeLimitsSchema } from '#shared/charge-limits.ts';

/** What a charge of somebody unknown may take at most: both have to be said, for nobody knows who pays for it. */
const strangerLimitsSchema = chargeLimitsSchema.strict().required({ energyWh: true, durationMs: true });

/**
 * What decides while the cloud is away. `none`: no card begins a charge. `listed`: the list, as when the cloud is there.
 * `all`: as `listed`, and once it has been away for longer than `afterMin`, any card that is not on the list either.
 */
const offlineSchema = z.discriminatedUnion('cards', [
  z.strictObject({ cards: z.literal('none') }),
  z.strictObject({ cards: z.literal('listed') }),
  z.strictObject({ cards: z.literal('all'), afterMin: z.int().min(1).max(10_080), limits: strangerLimitsSchema }),
]);

export const accessPolicySchema = z.strictObject({
  offline: offlineSchema,
  /** Whether charges begin on site while nobody has confirmed the time. Their records say so. */
  untrustedClock: z.enum(['refuse', 'allow']),
});
export type AccessPolicy = z.infer<typeof accessPolicySchema>;
