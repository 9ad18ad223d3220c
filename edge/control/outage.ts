import type { Stamp } from '#shared/stamp.ts';
import type { Session } from './session.ts';
import { LONGEST_OUTAGE_MS, sessionTimeMs } from './session-axis.ts';

/** How long a charge went on with nobody watching: at least, and at most. */
export interface Outage {
  readonly leastMs: number;
  readonly mostMs: number;
  /** By how much longer it may have been where two trusted clocks tell it: for energy, which nothing else limits. */
  readonly clocksApartMs: number;
}

/**
 * How far the clocks of two boots may be apart when both are trusted: each was taken from an answer that was on its way for up to
 * 20 s, or has gone by its crystal for a day.
 */
const TRUSTED_APART_MS = 20_000;

/**
 * The time since a session's last reading. Within one boot the monotonic clock tells it, and trusted clocks on both sides
 * of a reboot do. Otherwise the wall clock tells only the least: one without a battery stood still meanwhile.
 *
 * @param session before it is taken up in this boot
 */
export function outageOf(session: Session, now: Stamp): Outage {
  const leastMs = Math.max(0, sessionTimeMs(session, now) - session.lastReading.atMs);
  const { bootId, clock } = session.resumed ?? session.startedAt;
  if (bootId === now.bootId) return { leastMs, mostMs: leastMs, clocksApartMs: 0 };
  const isKnown = clock === 'trusted' && now.clock === 'trusted';
  if (isKnown) return { leastMs, mostMs: leastMs, clocksApartMs: TRUSTED_APART_MS };
  return { leastMs, mostMs: Math.max(leastMs, LONGEST_OUTAGE_MS), clocksApartMs: 0 };
}

/**
 * What is billed of a rise that is too far for the least outage and has stayed: all of it when power explains it within
 * the longest, because it is energy that flowed; nothing otherwise.
 */
export function creditedRiseWh(riseWh: number, mostMs: number, maxPowerW: number): number {
  return riseWh * 3_600_000 <= maxPowerW * mostMs ? riseWh : 0;
}

/** What is left of the time in which a start has to be confirmed; nothing when nobody knows how long the site was away. */
export function confirmLeftMs(session: Session, now: Stamp): number {
  const { bootId } = session.resumed ?? session.startedAt;
  if (bootId !== now.bootId && now.clock === 'none') return 0;
  return session.confirmByWallMs - sessionTimeMs(session, now);
}
