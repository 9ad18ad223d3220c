import { statfsSync } from 'node:fs';
import type { Ballast, BallastState } from './ballast.ts';
import {
  isAtLeast,
  judgeSpace,
  levelOf,
  type SpaceLevel,
  type SpaceReading,
  type SpaceState,
  unjudged,
} from './space.ts';

export interface DiskSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** What the file system of a folder has, and what of it is free for us. */
export function diskSpaceOf(folder: string): DiskSpace {
  const { bsize, blocks, bavail } = statfsSync(folder);
  return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
}

export interface SpaceWatchParts {
  readonly ballast: Ballast;
  /** @throws when the file system does not tell: then nobody knows whether there is room for a charge */
  readonly disk: () => DiskSpace;
  readonly ledger: () => { readonly usedBytes: number; readonly maxBytes: number };
  readonly monoMs: () => number;
}

export interface SpaceView {
  readonly level: SpaceLevel;
  readonly freeBytes: number;
  readonly ballast: BallastState;
  /** Why the level is not `ample`, for a person; null when it is. */
  readonly reason: string | null;
}

/** A disk that has just said it is full is taken at its word, whatever it counts as free: quotas do not show there. */
const FULL_COUNTS_FOR_MS = 60_000;
const MB = 1_000_000;

/** Measures how much room there is, and gives the ballast back when there is too little. */
export class SpaceWatch {
  readonly #parts: SpaceWatchParts;
  #state: SpaceState = unjudged;
  #fullUntilMonoMs = Number.NEGATIVE_INFINITY;
  #unmeasured: string | null = null;

  constructor(parts: SpaceWatchParts) {
    this.#parts = parts;
  }

  get level(): SpaceLevel {
    return levelOf(this.#state);
  }

  /** A write has failed for want of space: the ballast goes at once. */
  relieve(): void {
    this.#fullUntilMonoMs = this.#parts.monoMs() + FULL_COUNTS_FOR_MS;
    this.#state = { ...this.#state, disk: 'critical' };
    this.#giveBack();
  }

  check(): SpaceView {
    const { ballast, monoMs } = this.#parts;
    const reading = this.#reading();
    const judged = judgeSpace(this.#state, reading);
    this.#state = monoMs() < this.#fullUntilMonoMs ? { ...judged, disk: 'critical' } : judged;
    if (this.#state.disk === 'critical') {
      this.#giveBack();
    } else if (!ballast.take()) {
      this.#state = { ...this.#state, disk: 'critical' };
    }
    const { level } = this;
    const { freeBytes } = this.#measure();
    return { level, freeBytes, ballast: ballast.state, reason: level === 'ample' ? null : this.#reason(reading) };
  }

  /** One that could not be given back is tried again. */
  #giveBack(): void {
    const { ballast } = this.#parts;
    if (ballast.state === 'held' || ballast.state === 'failed') ballast.release();
  }

  #measure(): DiskSpace {
    try {
      const space = this.#parts.disk();
      this.#unmeasured = null;
      return space;
    } catch (error) {
      this.#unmeasured = error instanceof Error ? error.message : String(error);
      return { totalBytes: 0, freeBytes: 0 };
    }
  }

  /** What the ballast still has to be given back does not count as free. */
  #reading(): SpaceReading {
    const { ballast, ledger } = this.#parts;
    const { totalBytes, freeBytes } = this.#measure();
    const { usedBytes, maxBytes } = ledger();
    const owedBytes = ballast.state === 'released' ? ballast.bytes : 0;
    return { totalBytes, freeBytes: freeBytes - owedBytes, ledgerBytes: usedBytes, ledgerMaxBytes: maxBytes };
  }

  #reason({ freeBytes, totalBytes, ledgerBytes, ledgerMaxBytes }: SpaceReading): string {
    const { disk, ledger } = this.#state;
    if (this.#unmeasured !== null) return `nobody knows how much of the disk is free: ${this.#unmeasured}`;
    if (!isAtLeast(disk, ledger))
      return `the ledger uses ${Math.round((100 * ledgerBytes) / ledgerMaxBytes)} % of its ${Math.round(ledgerMaxBytes / MB)} MB`;
    return `${(Math.max(0, freeBytes) / MB).toFixed(1)} of ${(totalBytes / MB).toFixed(1)} MB are free on the disk`;
  }
}
