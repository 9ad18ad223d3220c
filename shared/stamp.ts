import { z } from 'zod';

/** How far a wall clock can be believed, worst first. */
export const clockQualities = ['none', 'doubtful', 'trusted'] as const;

/**
 * `trusted`: a witness has confirmed it in this boot. `doubtful`: credible, but nobody has confirmed it, or not since it
 * jumped. `none`: nobody knows the time, and the wall time is only the earliest that it can be.
 */
export const clockQualitySchema = z.enum(clockQualities);
export type ClockQuality = z.infer<typeof clockQualitySchema>;

/** Within the years of four figures: whoever is told of it as a date can read it. */
const EARLIEST_MS = Date.parse('0001-01-01T00:00:00.000Z');
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z');
/** Three hundred years. */
const LONGEST_BOOT_MS = 9_500_000_000_000;

/** A time by a wall clock, whatever that is worth. */
export const wallMsSchema = z.int().min(EARLIEST_MS).max(LATEST_MS);

/** What a wall clock is ahead of the time since its boot. */
export const clockOffsetSchema = z
  .int()
  .min(EARLIEST_MS)
  .max(LATEST_MS - LONGEST_BOOT_MS);

/**
 * When something happened, as the edge knew it. Wall time may be corrected later; the monotonic time
 * together with the boot it belongs to lets anybody recompute durations without trusting the wall clock.
 */
export const stampSchema = z.object({
  wallMs: wallMsSchema,
  monoMs: z.int().nonnegative().max(LONGEST_BOOT_MS),
  bootId: z.uuid(),
  clock: clockQualitySchema,
});
export type Stamp = z.infer<typeof stampSchema>;

/** The wall clock of one boot: `wallMs = monoMs + offsetMs`. */
export interface BootClock {
  readonly bootId: string;
  readonly offsetMs: number;
  readonly quality: ClockQuality;
}

/** Times that are wrong by less are not worth telling again. */
export const CORRECTION_TOLERANCE_MS = 1000;

export const isBetterClock = (quality: ClockQuality, than: ClockQuality): boolean =>
  clockQualities.indexOf(quality) > clockQualities.indexOf(than);

/** A stamp as it reads when more is known of its boot's clock; as it is when it is of another boot, or known as well. */
export function restamp(stamp: Stamp, clock: BootClock): Stamp {
  const isBetterKnown = stamp.bootId === clock.bootId && isBetterClock(clock.quality, stamp.clock);
  return isBetterKnown ? { ...stamp, wallMs: stamp.monoMs + clock.offsetMs, clock: clock.quality } : stamp;
}
