import type { BallastState } from './ballast.ts';
import type { SpaceLevel } from './space.ts';

/** How the site's storage is doing, for the field, which refuses charges by it, and for the technician. */
export interface StorageHealth {
  readonly level: SpaceLevel;
  readonly freeBytes: number;
  readonly ledgerBytes: number;
  /** Null while the samples' store does not work: billing does without it. */
  readonly samplesBytes: number | null;
  readonly ballast: BallastState;
  /** A charge that begins now could not be recorded to its end. */
  readonly mayCharge: boolean;
  /** Why the level is not `ample` or no charge may begin; null otherwise. */
  readonly reason: string | null;
  /** Another one than before: a damaged store was replaced. What the field holds in memory should be stored again. */
  readonly storeEpoch: string;
  /** The last damage that was found since the process began; null when there was none. */
  readonly damage: string | null;
  /**
   * What of a damaged store must not be forgotten and is lost: latches, hands at work, inputs, rules. No charge begins until
   * somebody has confirmed it; empty when there is nothing to confirm.
   */
  readonly unconfirmedLoss: readonly string[];
  /** What was written since the process began; null where it is not counted. */
  readonly writtenBytes: number | null;
  readonly writtenPerPileDayBytes: number | null;
}

/** Why no charge begins after a loss, and what to do about it. */
export const lossText = (lost: readonly string[]): string =>
  `the ledger was damaged and has lost, at least in part: ${lost.join(', ')}; look at the site, then pilectl confirm-store`;

/**
 * What the site may write per pile and day, in bytes handed to the disk: flash wears by it. A site of one pile that charges
 * all day, sampled every 10 s, needs two thirds of it, one of eight piles a third per pile: a group of samples is one page
 * whatever is on it. The file system's and the card's own writing comes on top.
 */
export const BUDGET_PER_PILE_DAY_BYTES = 100_000_000;

const DAY_MS = 86_400_000;
/** Before so much time has passed, opening and checking the store would be taken for the daily use. */
const MEASURED_FROM_MS = 600_000;

/** @returns null as long as there is nothing to go by */
export function perPileDay(bytes: number | null, elapsedMs: number, piles: number): number | null {
  if (bytes === null || elapsedMs < MEASURED_FROM_MS) return null;
  return Math.round((bytes * DAY_MS) / elapsedMs / piles);
}
