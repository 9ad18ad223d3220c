import type { HoldReason } from '#shared/wire/messages.ts';
import { FRESH_MS } from '../stations/freshness.ts';

export type LifeStatus = 'holder' | 'waiting' | 'former' | 'barred' | 'chosen';

/** Who says hello. */
export interface HeardLife {
  readonly lifeId: string;
  readonly formerLifeId: string | null;
  readonly storeEpoch: string;
}

/** A life that was welcomed: who comes after it can be told by what its store remembers. */
export interface WelcomedLife {
  readonly lifeId: string;
  readonly formerLifeId: string | null;
  /** Its store remembers the welcome. Until then its successor comes after the same life as it did itself. */
  readonly isConfirmed: boolean;
}

/** Whose word counts for the site. */
export interface Holder extends WelcomedLife {
  readonly storeEpoch: string;
  /** No will of its connection has come. */
  readonly isOnline: boolean;
  readonly heardAtMs: number;
}

export interface KnownLives {
  readonly holder: Holder | null;
  /** Of the life that says hello; null when it is new. */
  readonly own: { readonly status: LifeStatus; readonly storeEpoch: string; readonly firstHeardAtMs: number } | null;
  /** The life that was welcomed last with the store epoch of the hello. */
  readonly lastOfEpoch: WelcomedLife | null;
  /** Two boxes were found to speak for the site, and nobody has decided yet. */
  readonly isContested: boolean;
  /** The store was told that more of it is safe than the cloud has. No copy is: the cloud was put back, and has forgotten lives as well. */
  readonly isAhead: boolean;
}

export type Judgement =
  /** `same`: as before. `succeeds`: the next process on the same store. `replaces`: another store. `returns`: an earlier one. */
  | { readonly kind: 'welcome'; readonly change: 'same' | 'first' | 'succeeds' | 'replaces' | 'returns' }
  /** `isProof`: two boxes are alive. */
  | { readonly kind: 'hold'; readonly reason: HoldReason; readonly isProof: boolean };

/** Before another store takes the place of one that has fallen silent. A new process on the same store waits only while the old one is fresh. */
export const REPLACED_AFTER_MS = 60_000;
/** What was on its way when the other life began to speak proves nothing. */
export const ON_ITS_WAY_MS = 2_000;

const hold = (reason: HoldReason, isProof = false): Judgement => ({ kind: 'hold', reason, isProof });

const follows = ({ formerLifeId }: HeardLife, last: WelcomedLife): boolean =>
  formerLifeId === last.lifeId || (!last.isConfirmed && formerLifeId === last.formerLifeId);

/**
 * Who may speak for a site. One that is alive is never put out of its place by a hello: who comes waits until the other has
 * fallen silent. That two are alive is proven when one is heard while the other waits, or comes back after its place was taken.
 */
export function judgeLife(life: HeardLife, known: KnownLives, nowMs: number): Judgement {
  const { holder, own, lastOfEpoch, isContested, isAhead } = known;
  if (holder === null) return { kind: 'welcome', change: 'first' };
  if (holder.lifeId === life.lifeId) return { kind: 'welcome', change: 'same' };
  if (own?.status === 'chosen') return chosen(life, lastOfEpoch);
  if (own?.status === 'former' || own?.status === 'barred') return hold('barred', !isContested);

  const isNext = holder.storeEpoch === life.storeEpoch && (isAhead || follows(life, holder));
  if (isContested && !isNext) return hold('barred');
  const silentMs = nowMs - holder.heardAtMs;
  const mayBeAlive = isNext ? holder.isOnline && silentMs <= FRESH_MS : silentMs <= REPLACED_AFTER_MS;
  if (mayBeAlive) {
    const isHeardSince = own?.status === 'waiting' && holder.heardAtMs > own.firstHeardAtMs + ON_ITS_WAY_MS;
    return isHeardSince && silentMs <= FRESH_MS ? hold('barred', !isContested) : hold('wait');
  }
  return isNext ? { kind: 'welcome', change: 'succeeds' } : takeOver(life, lastOfEpoch, isAhead);
}

/** Another box is alive, perhaps with the same store: only whoever had the epoch last keeps it. */
function chosen(life: HeardLife, lastOfEpoch: WelcomedLife | null): Judgement {
  if (lastOfEpoch === null) return { kind: 'welcome', change: 'replaces' };
  return lastOfEpoch.lifeId === life.lifeId ? { kind: 'welcome', change: 'returns' } : hold('begin-epoch');
}

/** A copy of a store that the cloud knows may go on, but not under the numbers of the store it was copied from. */
function takeOver(life: HeardLife, lastOfEpoch: WelcomedLife | null, isAhead: boolean): Judgement {
  if (lastOfEpoch === null) return { kind: 'welcome', change: 'replaces' };
  return isAhead || follows(life, lastOfEpoch) ? { kind: 'welcome', change: 'returns' } : hold('begin-epoch');
}
