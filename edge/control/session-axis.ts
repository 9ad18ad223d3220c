import { type ClockQuality, restamp, type Stamp } from '#shared/stamp.ts';
import type { Session } from './session.ts';

/** The part of a charge that belongs to a later boot than the one it was started in, when it was taken up there. */
export interface Resumption {
  readonly bootId: string;
  readonly monoMs: number;
  /** The moment of taking it up on the session's axis; every reading from then on is of this boot. */
  readonly atMs: number;
  /** Just after the last reading of the boot before: it cannot have been earlier. */
  readonly earliestMs: number;
  readonly clock: ClockQuality;
}

/** The boot that the session's present times belong to. */
export function presentBoot({
  startedAt,
  resumed,
}: Pick<Session, 'startedAt' | 'resumed'>): Pick<Resumption, 'bootId' | 'monoMs' | 'atMs' | 'clock'> {
  const { bootId, monoMs, wallMs, clock } = startedAt;
  return resumed ?? { bootId, monoMs, atMs: wallMs, clock };
}

/** No vehicle takes energy at full power for longer: 11 kW for a day is more than any battery holds. */
export const LONGEST_OUTAGE_MS = 86_400_000;

/**
 * Whether a time of a later boot can be held against one of an earlier boot: both are known, or both are credible and no
 * further apart than an outage can be. A clock that nobody knew tells only the earliest time, and one that woke up days ahead may be wrong.
 */
export function fitTogether(before: ClockQuality, after: ClockQuality, apartMs: number): boolean {
  if (before === 'trusted' && after === 'trusted') return true;
  return before !== 'none' && after !== 'none' && apartMs <= LONGEST_OUTAGE_MS;
}

/**
 * The time on the session's own axis. Within each boot it runs with the monotonic clock, so that no wall clock bends the
 * order of readings or a duration; from one boot to the next it never runs backwards, and where their clocks do not fit
 * together it goes on just after the last reading.
 */
export function sessionTimeMs(session: Pick<Session, 'startedAt' | 'resumed' | 'lastReading'>, now: Stamp): number {
  const boot = presentBoot(session);
  if (now.bootId === boot.bootId) return boot.atMs + Math.max(0, now.monoMs - boot.monoMs);
  const { atMs } = session.lastReading;
  return fitTogether(boot.clock, now.clock, now.wallMs - atMs) ? Math.max(atMs + 1, now.wallMs) : atMs + 1;
}

/** The present moment as the charge knows it: its own boot may have been trusted before the clock was lost. */
export function stampOnAxis(session: Session, now: Stamp): Stamp {
  const { bootId, atMs, monoMs, clock } = presentBoot(session);
  return restamp(now, { bootId, offsetMs: atMs - monoMs, quality: clock });
}
