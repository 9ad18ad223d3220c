/** What the pile has been told to offer, and what it is being told. Limits in mA a phase; 0 is a pause. */
export interface Offer {
  /** In force, as far as is known. */
  readonly limitMa: number;
  /** What was offered before. */
  readonly formerMa: number;
  readonly changedMonoMs: number;
  /** A change that the pile has not taken yet. */
  readonly pending: {
    readonly limitMa: number;
    readonly sinceMonoMs: number;
    /** When it is written again; null while a write is on its way. */
    readonly againMonoMs: number | null;
  } | null;
}

/** IEC 61851-1: a vehicle follows a new limit within 5 s, and gets no other one before. */
const FOLLOWS_WITHIN_MS = 5000;
const WRITE_AGAIN_AFTER_MS = 1000;
/** A lower limit is a demand: a pile that does not take it in this time is stopped. */
const TAKEN_WITHIN_MS = 10_000;

export const standingOffer = (limitMa: number, nowMonoMs: number): Offer => ({
  limitMa,
  formerMa: limitMa,
  changedMonoMs: nowMonoMs - FOLLOWS_WITHIN_MS,
  pending: null,
});

/** Brings the offer to `targetMa`: down at once, up only when the vehicle has followed the last change. */
export function steer(
  offer: Offer,
  targetMa: number,
  nowMonoMs: number,
): { readonly offer: Offer; readonly writeMa: number | null } {
  const { pending } = offer;
  const wait = { offer, writeMa: null };
  const write = (sinceMonoMs: number) => ({
    offer: { ...offer, pending: { limitMa: targetMa, sinceMonoMs, againMonoMs: null } },
    writeMa: targetMa,
  });
  if (pending !== null && pending.limitMa === targetMa) {
    const isDue = pending.againMonoMs !== null && nowMonoMs >= pending.againMonoMs;
    return isDue ? write(pending.sinceMonoMs) : wait;
  }
  const believedMa = pending === null ? offer.limitMa : Math.max(offer.limitMa, pending.limitMa);
  if (pending === null && targetMa === offer.limitMa) return wait;
  if (targetMa < believedMa) return write(nowMonoMs);
  const hasSettled = pending === null && nowMonoMs - offer.changedMonoMs >= FOLLOWS_WITHIN_MS;
  return hasSettled ? write(nowMonoMs) : wait;
}

/** The pile has taken the change that was on its way. */
export function offerTaken(offer: Offer, nowMonoMs: number): Offer {
  const { pending } = offer;
  if (pending === null) return offer;
  return { limitMa: pending.limitMa, formerMa: offer.limitMa, changedMonoMs: nowMonoMs, pending: null };
}

/** The pile has not taken it. */
export function offerRefused(offer: Offer, nowMonoMs: number): Offer {
  const { pending } = offer;
  return pending === null
    ? offer
    : { ...offer, pending: { ...pending, againMonoMs: nowMonoMs + WRITE_AGAIN_AFTER_MS } };
}

/** The most that may flow by what has been offered: a vehicle has its time to follow, and a write may have arrived unheard. */
export function allowedMa({ limitMa, formerMa, changedMonoMs, pending }: Offer, nowMonoMs: number): number {
  const isFollowing = nowMonoMs - changedMonoMs < FOLLOWS_WITHIN_MS;
  return Math.max(limitMa, isFollowing ? formerMa : 0, pending?.limitMa ?? 0);
}

/** A demand for less has not been taken in its time. */
export function isDefied({ limitMa, pending }: Offer, nowMonoMs: number): boolean {
  return pending !== null && pending.limitMa < limitMa && nowMonoMs - pending.sinceMonoMs >= TAKEN_WITHIN_MS;
}
