import { z } from 'zod';

/**
 * When something happened, as the edge knew it. Wall time may be corrected later; the monotonic time
 * together with the boot it belongs to lets anybody recompute durations without trusting the wall clock.
 */
export const stampSchema = z.object({
  wallMs: z.int(),
  monoMs: z.int().nonnegative(),
  bootId: z.uuid(),
  clock: z.enum(['trusted', 'doubtful', 'none']),
});
export type Stamp = z.infer<typeof stampSchema>;
