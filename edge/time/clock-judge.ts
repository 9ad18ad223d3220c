import { type ClockQuality, CORRECTION_TOLERANCE_MS, type Stamp } from '#shared/stamp.ts';

/** One look at the operating system's clocks. */
export interface OsLook {
  readonly wallMs: number;
  readonly monoMs: number;
  /** The wall time at which the operating system last synchronised its clock; null when it has not, or does not tell. */
  readonly syncMark: number | null;
}

/** The cloud's time, told at some moment between our question and its answer. */
export interface CloudTime {
  readonly serverWallMs: number;
  readonly askedMonoMs: number;
  readonly heardMonoMs: number;
}

/** Offsets are wall less monotonic time, in whole milliseconds: within a boot, only a clock that is set changes one. */
export interface ClockJudgement {
  /** What stamps are made with. */
  readonly offsetMs: number;
  readonly quality: ClockQuality;
  /** Who confirmed it last in this boot. Once the cloud has spoken, the operating system cannot overrule it. */
  readonly witness: 'cloud' | 'os' | null;
  /** The offset and the time at which it was last set or confirmed: how far it may have been slewed since. */
  readonly base: { readonly offsetMs: number; readonly monoMs: number };
  readonly os: { readonly offsetMs: number; readonly monoMs: number; readonly syncMark: number | null };
  /** No true offset is smaller. */
  readonly earliestOffsetMs: number;
}

/** The latest trusted time that is on disk; `boot` is null when it was not stored of which boot it is. */
export interface LastTrusted {
  readonly wallMs: number;
  readonly boot: Pick<Stamp, 'monoMs' | 'bootId'> | null;
}

/** Before this the software did not exist: a box without a battery wakes up in 1970, or when its image was built. */
export const EARLIEST_CREDIBLE_MS = Date.UTC(2026, 0, 1);
/** Set by more than this at once, a clock has jumped. A leap second, and a step of an NTP client, are within it. */
export const STEP_TOLERANCE_MS = 2000;
/** The two clocks are not read at the same moment: what moves by less has not moved. */
const JITTER_MS = 50;
/** The fastest that Linux slews a clock: adjtime(3), 500 ppm. */
const SLEW_PER_MS = 500e-6;
/** A crystal that is off by 100 ppm stays for a day within the 10 s that rating allows at the border of a price band. */
export const TRUST_LASTS_MS = 86_400_000;
/** The cloud's time counts as ours when it is within this of the times between question and answer. */
const CLOUD_TOLERANCE_MS = 1000;
/** An answer that took longer tells the time too vaguely. */
const LONGEST_ANSWER_MS = 20_000;
const ASK_AGAIN_AFTER_MS = 5000;
const CONFIRM_EVERY_MS = 3_600_000;

const offsetOf = ({ wallMs, monoMs }: { wallMs: number; monoMs: number }): number => Math.round(wallMs - monoMs);

/** The most that a clock nobody has set can have moved against the monotonic one. */
const allowanceMs = (sinceMonoMs: number, monoMs: number): number =>
  STEP_TOLERANCE_MS + SLEW_PER_MS * Math.max(0, monoMs - sinceMonoMs);

/** What to think of the clock when the process begins. */
export function beginJudgement(look: OsLook, bootId: string, lastTrusted: LastTrusted | null): ClockJudgement {
  const os = { offsetMs: offsetOf(look), monoMs: look.monoMs, syncMark: look.syncMark };
  const boot = lastTrusted?.boot ?? null;
  if (lastTrusted !== null && boot?.bootId === bootId) {
    return resumeJudgement(os, { wallMs: lastTrusted.wallMs, monoMs: boot.monoMs });
  }
  // A boot began after what an earlier one has recorded; a time of unknown boot is only known to have passed.
  const passedMs = lastTrusted === null ? 0 : lastTrusted.wallMs - (boot === null ? Math.ceil(look.monoMs) : 0);
  const earliestOffsetMs = Math.max(EARLIEST_CREDIBLE_MS, passedMs);
  const nobodyKnows = settle({ os, earliestOffsetMs }, earliestOffsetMs, 'none', null);
  const isMarked = look.syncMark !== null && os.offsetMs >= EARLIEST_CREDIBLE_MS;
  if (isMarked && isCredible(nobodyKnows, os.offsetMs) && isFresh(look.syncMark, look.wallMs)) {
    return settle(nobodyKnows, os.offsetMs, 'trusted', 'os');
  }
  const isDoubtful = isMarked || isCredible(nobodyKnows, os.offsetMs);
  return isDoubtful ? settle(nobodyKnows, os.offsetMs, 'doubtful', null) : nobodyKnows;
}

/**
 * Whether the system clock can still be the one that was synchronised. Nobody looked since: an old mark, or one that is
 * still to come, says that the clock may have been set, or has been. A clock that is disciplined may step back a little.
 */
function isFresh(syncMark: number, wallMs: number): boolean {
  const sinceMs = wallMs - syncMark;
  return sinceMs >= -STEP_TOLERANCE_MS && sinceMs <= TRUST_LASTS_MS;
}

/** Another process of the same boot knew the time: it is still so, unless somebody has set the clock meanwhile. */
function resumeJudgement(os: ClockJudgement['os'], lastTrusted: Pick<Stamp, 'wallMs' | 'monoMs'>): ClockJudgement {
  const offsetMs = offsetOf(lastTrusted);
  const base = { offsetMs, monoMs: lastTrusted.monoMs };
  const isUnmoved = Math.abs(os.offsetMs - offsetMs) <= allowanceMs(base.monoMs, os.monoMs);
  const isRecent = os.monoMs - base.monoMs <= TRUST_LASTS_MS;
  const quality = isUnmoved && isRecent ? 'trusted' : 'doubtful';
  const earliestOffsetMs = EARLIEST_CREDIBLE_MS;
  return { offsetMs: isUnmoved ? os.offsetMs : offsetMs, quality, witness: null, base, os, earliestOffsetMs };
}

function settle(
  { os, earliestOffsetMs }: Pick<ClockJudgement, 'os' | 'earliestOffsetMs'>,
  offsetMs: number,
  quality: ClockQuality,
  witness: ClockJudgement['witness'],
  monoMs = os.monoMs,
): ClockJudgement {
  return { offsetMs, quality, witness, base: { offsetMs, monoMs }, os, earliestOffsetMs };
}

const isCredible = ({ earliestOffsetMs }: ClockJudgement, offsetMs: number): boolean =>
  offsetMs >= earliestOffsetMs - STEP_TOLERANCE_MS;

/**
 * A look at the operating system's clock. Small movements are followed: it may be disciplined by somebody who knows.
 * A jump is not: the edge goes on with its own time until a witness says which one is right.
 */
export function lookAtOs(before: ClockJudgement, look: OsLook): ClockJudgement {
  const seenMs = offsetOf(look) - before.os.offsetMs;
  const movedMs = Math.abs(seenMs) < JITTER_MS ? 0 : seenMs;
  const offsetMs = before.os.offsetMs + movedMs;
  const hasJumped = Math.abs(movedMs) > allowanceMs(before.os.monoMs, look.monoMs);
  const hasSynchronised = look.syncMark !== null && look.syncMark !== before.os.syncMark;
  const seen: ClockJudgement = { ...before, os: { offsetMs, monoMs: look.monoMs, syncMark: look.syncMark } };
  if (hasSynchronised && offsetMs >= EARLIEST_CREDIBLE_MS) {
    const isAgreed = Math.abs(offsetMs - before.offsetMs) <= allowanceMs(before.base.monoMs, look.monoMs);
    if (before.witness !== 'cloud' || isAgreed) return settle(seen, offsetMs, 'trusted', before.witness ?? 'os');
  }
  if (before.quality === 'none') return isCredible(seen, offsetMs) ? settle(seen, offsetMs, 'doubtful', null) : seen;
  if (hasJumped) return { ...seen, quality: 'doubtful' };
  return aged(followed(before, seen, movedMs));
}

/** Goes along with a clock that has been right so far, but not further than one that nobody sets can have moved. */
function followed(before: ClockJudgement, seen: ClockJudgement, movedMs: number): ClockJudgement {
  if (Math.abs(before.offsetMs - before.os.offsetMs) > STEP_TOLERANCE_MS) return seen;
  const offsetMs = before.offsetMs + movedMs;
  const isTooFar = Math.abs(offsetMs - before.base.offsetMs) > allowanceMs(before.base.monoMs, seen.os.monoMs);
  return isTooFar ? { ...seen, quality: 'doubtful' } : { ...seen, offsetMs };
}

function aged(judgement: ClockJudgement): ClockJudgement {
  const isOld = judgement.os.monoMs - judgement.base.monoMs > TRUST_LASTS_MS;
  return isOld && judgement.quality === 'trusted' ? { ...judgement, quality: 'doubtful' } : judgement;
}

/** The cloud has told its time. It is the clock that commands expire by and orders are booked by, so it decides. */
export function hearCloud(before: ClockJudgement, told: CloudTime): ClockJudgement {
  const { serverWallMs, askedMonoMs, heardMonoMs } = told;
  const tookMs = heardMonoMs - askedMonoMs;
  if (tookMs < 0 || tookMs > LONGEST_ANSWER_MS || serverWallMs < EARLIEST_CREDIBLE_MS) return before;
  const [leastMs, mostMs] = [serverWallMs - heardMonoMs, serverWallMs - askedMonoMs];
  const isAgreed =
    before.quality !== 'none' &&
    before.offsetMs >= leastMs - CLOUD_TOLERANCE_MS &&
    before.offsetMs <= mostMs + CLOUD_TOLERANCE_MS;
  const offsetMs = isAgreed ? before.offsetMs : Math.round((leastMs + mostMs) / 2);
  return settle(before, offsetMs, 'trusted', 'cloud', heardMonoMs);
}

/** By how much the time of this boot turned out to be wrong; null when it was right, or only followed. */
export function correctionOf(before: ClockJudgement, after: ClockJudgement): number | null {
  const correctionMs = after.offsetMs - before.offsetMs;
  const isSettled = after.base !== before.base;
  return isSettled && Math.abs(correctionMs) > CORRECTION_TOLERANCE_MS ? correctionMs : null;
}

/** Whether the cloud should be asked for its time. */
export function wantsCloud(judgement: ClockJudgement, askedMonoMs: number | null, monoMs: number): boolean {
  if (askedMonoMs !== null && monoMs - askedMonoMs < ASK_AGAIN_AFTER_MS) return false;
  return judgement.quality !== 'trusted' || monoMs - judgement.base.monoMs >= CONFIRM_EVERY_MS;
}
