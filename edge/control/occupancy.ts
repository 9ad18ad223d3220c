import { type BootClock, restamp, type Stamp } from '#shared/stamp.ts';
import { rateOccupancy } from '#shared/tariff/rate-fees.ts';
import type { Cdr, StopReason } from '#shared/wire/cdr.ts';
import type { OccupancyRecord } from '#shared/wire/occupancy.ts';
import type { Reading } from './reading.ts';
import type { Session, StopCause } from './session.ts';

/** A vehicle that stays plugged in after its charge: what its record will say, as far as it is known. On disk while it lasts. */
export interface Occupancy {
  readonly about: Omit<OccupancyRecord, 'to' | 'occupiedMs' | 'endedBy' | 'rating'>;
  /** When it was last seen plugged in, and how long it had stayed by then. */
  readonly seen: Stamp;
  readonly occupiedMs: number;
  /** What is on disk was seen then. */
  readonly stored: Stamp;
}

/** A vehicle that was there before and after has stayed, unless nobody saw it for longer: another may stand there by then. */
const UNSEEN_AT_MOST_MS = 60_000;
/** How long of it a power cut may forget; what is forgotten is given to the driver, if he leaves in the dark. */
const SAVE_EVERY_MS = 600_000;

/** Ends that the driver knows of or has wanted. After a fault, or an end made by the site, nobody pays for staying. */
const DRIVERS_ENDS: ReadonlySet<StopReason> = new Set([
  'partner',
  'driver',
  'vehicle',
  'limit-reached',
  'target-reached',
  'hold-used-up',
]);

/** Whether it costs something that the vehicle stays after this charge. */
export function staysOccupied(
  { tariff }: Session,
  { reason, voidReason }: StopCause,
  reading: Reading | null,
): boolean {
  const isAsked = tariff?.occupancy !== undefined && voidReason === null && DRIVERS_ENDS.has(reason);
  return isAsked && reading?.status === 'plugged';
}

/** From the end of the charge on; null when its record says that none follows. */
export function beginOccupancy(cdr: Cdr, now: Stamp): Occupancy | null {
  const { occupancyId, sessionId, cdrId, orderId, siteId, pileId, connectorId, endedAt: from, tariff } = cdr;
  if (occupancyId === undefined || tariff === null) return null;
  const about = { occupancyId, sessionId, cdrId, orderId, siteId, pileId, connectorId, from, tariff };
  return { about, seen: restampLike(from, now), occupiedMs: 0, stored: now };
}

/**
 * It is seen plugged in. What lay between this look and the one before counts as well. Null when that was too long, or nobody
 * knows how long: across a reboot only trusted clocks can tell. Whoever stands there now is another vehicle, for all that is known.
 */
export function occupiedUntil(occupancy: Occupancy, now: Stamp): Occupancy | null {
  const seen = restampLike(occupancy.seen, now);
  const passedMs = elapsedMs(occupancy.seen, seen);
  if (passedMs === null || passedMs > UNSEEN_AT_MOST_MS) return null;
  return { ...occupancy, seen, occupiedMs: occupancy.occupiedMs + passedMs };
}

/** The time between two moments; null when nobody knows: across a reboot only trusted clocks can tell. */
function elapsedMs(before: Stamp, now: Stamp): number | null {
  if (before.bootId === now.bootId) return Math.max(0, now.monoMs - before.monoMs);
  const isKnown = before.clock === 'trusted' && now.clock === 'trusted';
  return isKnown ? Math.max(0, now.wallMs - before.wallMs) : null;
}

/** The present moment, as far as its boot's clock has been known before. */
const restampLike = ({ bootId, wallMs, monoMs, clock }: Stamp, now: Stamp): Stamp =>
  restamp(now, { bootId, offsetMs: wallMs - monoMs, quality: clock });

/** What has been seen since it was last stored is worth storing. */
export const isStale = ({ stored }: Occupancy, now: Stamp): boolean =>
  stored.bootId !== now.bootId || now.monoMs - stored.monoMs >= SAVE_EVERY_MS;

/** Times of a boot of whose clock more is known now; the same object when there is nothing to repair. */
export function repairOccupancy(occupancy: Occupancy, clock: BootClock): Occupancy {
  const from = restamp(occupancy.about.from, clock);
  const seen = restamp(occupancy.seen, clock);
  if (from === occupancy.about.from && seen === occupancy.seen) return occupancy;
  return { ...occupancy, about: { ...occupancy.about, from }, seen };
}

/** Its record, when it is over. Null where its tariff asks nothing for it. */
export function occupancyRecord(
  { about, seen, occupiedMs }: Occupancy,
  endedBy: OccupancyRecord['endedBy'],
): OccupancyRecord | null {
  const { tariff, ...others } = about;
  const rating = rateOccupancy(tariff, occupiedMs);
  return rating === null ? null : { ...others, to: seen, occupiedMs, endedBy, tariff, rating };
}
