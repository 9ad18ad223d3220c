/** What the pile has been told to offer, and what it is being told. Limits in mA a phase; 0 is a pause. */
export interface Offer {
  /** In force: the last limit that the pile is known to have taken. */
  readonly limitMa: number;
  /** The most that was in force before, which a vehicle may still be following. */
  readonly formerMa: number;
  readonly changedMonoMs: number;
  /** No limit is raised before. */
  readonly raisesFromMonoMs: number;
  /** What the pile has been told and has not taken yet. */
  readonly pending: {
    readonly limitMa: number;
    /** The most that may be in force until it is taken: what was told before may have arrived unheard. */
    readonly mostMa: number;
    /** Since when less than that is demanded. */
    readonly sinceMonoMs: number;
    /** When it is written again; null while a write is on its way. */
    readonly againMonoMs: number | null;
  } | null;
}

/** What is wanted of an offer. `mayRaise`: nothing speaks against more than what is in force. */
export interface Aim {
  readonly targetMa: number;
  readonly mayRaise: boolean;
}

/** IEC 61851-1: a vehicle follows a new limit within 5 s, and gets no higher one before. */
export const FOLLOWS_WITHIN_MS = 5000;
const WRITE_AGAIN_AFTER_MS = 1000;
/** A lower limit is a demand: a pile that does not take it in this time is stopped. */
const TAKEN_WITHIN_MS = 10_000;
const LAGS_AFTER_MS = 2000;
/** After a restart of the controller, site inputs and rules need their first looks and their debounce before more is offered. */
const ADOPTED_HOLDS_MS = 60_000;
/** A pile that tells another register than the one it is told by is not written to all the time. */
const ASSERT_EVERY_MS = 30_000;

export const standingOffer = (limitMa: number, nowMonoMs: number): Offer => ({
  limitMa,
  formerMa: limitMa,
  changedMonoMs: nowMonoMs - FOLLOWS_WITHIN_MS,
  raisesFromMonoMs: nowMonoMs,
  pending: null,
});

/**
 * The offer of a charge that is taken up after a restart of the controller: what was ordered last, or less where the
 * pile says so. A pile that says more is told at the next look, and so is one that does not say what it has, where more may
 * have been in force. Its vehicle may still be following the last change.
 *
 * @param mostMa the most that the charge may have been offered
 */
export function adoptedOffer(orderedMa: number, toldMa: number | null, mostMa: number, nowMonoMs: number): Offer {
  const limitMa = Math.min(orderedMa, toldMa ?? orderedMa);
  const perhapsMa = toldMa ?? mostMa;
  return {
    limitMa,
    formerMa: Math.max(limitMa, mostMa),
    changedMonoMs: nowMonoMs,
    raisesFromMonoMs: nowMonoMs + ADOPTED_HOLDS_MS,
    pending:
      perhapsMa > limitMa ? { limitMa, mostMa: perhapsMa, sinceMonoMs: nowMonoMs, againMonoMs: nowMonoMs } : null,
  };
}

/** What is to be written to bring the offer to its aim: down at once, up only when the vehicle has followed. Null: nothing. */
export function steer(offer: Offer, { targetMa, mayRaise }: Aim, nowMonoMs: number): number | null {
  const { limitMa, pending, changedMonoMs, raisesFromMonoMs } = offer;
  const wantedMa = mayRaise && nowMonoMs >= raisesFromMonoMs ? targetMa : Math.min(targetMa, limitMa);
  if (wantedMa < (pending?.limitMa ?? limitMa)) return wantedMa;
  if (pending !== null) return pending.againMonoMs !== null && nowMonoMs >= pending.againMonoMs ? wantedMa : null;
  return wantedMa > limitMa && nowMonoMs - changedMonoMs >= FOLLOWS_WITHIN_MS ? wantedMa : null;
}

/** The pile says that more is in force than it has been told, and is told again. That is no proof: what it says may be another register. */
export function needsAssertion(offer: Offer, toldMa: number | null, nowMonoMs: number): boolean {
  const isAbove = toldMa !== null && toldMa > allowedMa(offer, nowMonoMs);
  return isAbove && offer.pending === null && nowMonoMs - offer.changedMonoMs >= ASSERT_EVERY_MS;
}

/** A limit is on its way to the pile. `perhapsMa`: what may be in force without having been told. */
export function offerTold(offer: Offer, limitMa: number, nowMonoMs: number, perhapsMa = 0): Offer {
  const mostMa = Math.max(mostInForceMa(offer), limitMa, perhapsMa);
  const sinceMonoMs = isUnmet(offer) ? offer.pending.sinceMonoMs : nowMonoMs;
  return { ...offer, pending: { limitMa, mostMa, sinceMonoMs, againMonoMs: null } };
}

/** The pile has taken a limit. What was told after it is still on its way. */
export function offerTaken(
  offer: Offer,
  limitMa: number,
  nowMonoMs: number,
  followsWithinMs: number = FOLLOWS_WITHIN_MS,
): Offer {
  const { pending, formerMa, changedMonoMs } = offer;
  const isFollowing = nowMonoMs - changedMonoMs < followsWithinMs;
  const isLast = pending === null || pending.limitMa === limitMa;
  return {
    ...offer,
    limitMa,
    formerMa: Math.max(mostInForceMa(offer), isFollowing ? formerMa : 0),
    changedMonoMs: nowMonoMs,
    pending: isLast ? null : { ...pending, mostMa: pending.limitMa },
  };
}

/** The pile has not taken a limit: the last one is told again. */
export function offerRefused(offer: Offer, limitMa: number, nowMonoMs: number): Offer {
  const { pending } = offer;
  return pending?.limitMa === limitMa
    ? { ...offer, pending: { ...pending, againMonoMs: nowMonoMs + WRITE_AGAIN_AFTER_MS } }
    : offer;
}

/** The least of what is in force and of what is on its way. */
export const leastMa = ({ limitMa, pending }: Offer): number => Math.min(limitMa, pending?.limitMa ?? limitMa);

/** The most that may flow by what has been offered: a vehicle has its time to follow, and a write may have arrived unheard. */
export function allowedMa(offer: Offer, nowMonoMs: number, followsWithinMs: number = FOLLOWS_WITHIN_MS): number {
  const isFollowing = nowMonoMs - offer.changedMonoMs < followsWithinMs;
  return Math.max(mostInForceMa(offer), isFollowing ? offer.formerMa : 0);
}

/** A demand for less has not been taken for longer than a write and its answer need: for now it is not obeyed. */
export const isLagging = (offer: Offer, nowMonoMs: number): boolean =>
  isUnmet(offer) && nowMonoMs - offer.pending.sinceMonoMs >= LAGS_AFTER_MS;

/** A demand for less has not been taken in its time. */
export const isDefied = (offer: Offer, nowMonoMs: number): boolean =>
  isUnmet(offer) && nowMonoMs - offer.pending.sinceMonoMs >= TAKEN_WITHIN_MS;

const mostInForceMa = ({ limitMa, pending }: Offer): number => Math.max(limitMa, pending?.mostMa ?? 0);

const isUnmet = (offer: Offer): offer is Offer & { readonly pending: NonNullable<Offer['pending']> } =>
  offer.pending !== null && offer.pending.limitMa < mostInForceMa(offer);
