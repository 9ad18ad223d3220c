/** How much room there is. `low`: telemetry is thinned; `scarce`: it stops; `critical`: no new charge is begun. */
export type SpaceLevel = 'ample' | 'low' | 'scarce' | 'critical';

export interface SpaceReading {
  /** Of the file system that holds the data folder. */
  readonly totalBytes: number;
  /** Free for us on it, without what the ballast still has to be given back. */
  readonly freeBytes: number;
  /** Pages of the ledger that hold something. */
  readonly ledgerBytes: number;
  readonly ledgerMaxBytes: number;
}

/** The disk and the ledger's own cap are judged each by itself; the worse one counts. */
export interface SpaceState {
  readonly disk: SpaceLevel;
  readonly ledger: SpaceLevel;
}

export const unjudged: SpaceState = { disk: 'ample', ledger: 'ample' };

const MIB = 1_048_576;
const worstFirst = ['critical', 'scarce', 'low'] as const;
type Mark = (typeof worstFirst)[number];

/**
 * Free space below which a level begins: a share of the disk, but on a large one no more than is of use, and on a small
 * one no less than a ledger needs to work at all.
 */
const diskMarks: Record<Mark, { readonly share: number; readonly leastBytes: number; readonly mostBytes: number }> = {
  low: { share: 0.2, leastBytes: 4 * MIB, mostBytes: 1024 * MIB },
  scarce: { share: 0.1, leastBytes: 2 * MIB, mostBytes: 512 * MIB },
  critical: { share: 0.04, leastBytes: MIB, mostBytes: 64 * MIB },
};
/** Used share of the ledger's cap from which a level begins. */
const ledgerMarks: Record<Mark, number> = { low: 0.8, scarce: 0.9, critical: 0.95 };

/** A level is left only with so much more than it takes to come into it, so that it does not flicker. */
const DISK_MARGIN = 1.25;
const LEDGER_MARGIN = 0.05;

const severity: Record<SpaceLevel, number> = { ample: 0, low: 1, scarce: 2, critical: 3 };
export const isAtLeast = (level: SpaceLevel, other: SpaceLevel): boolean => severity[level] >= severity[other];
export const levelOf = ({ disk, ledger }: SpaceState): SpaceLevel => (isAtLeast(disk, ledger) ? disk : ledger);

export function diskMarkBytes(mark: Mark, totalBytes: number): number {
  const { share, leastBytes, mostBytes } = diskMarks[mark];
  return Math.round(Math.max(leastBytes, Math.min(share * totalBytes, mostBytes)));
}

/** Where the site stands, from where it stood and what is measured. It worsens at once and recovers with a margin. */
export function judgeSpace(before: SpaceState, reading: SpaceReading): SpaceState {
  const isShort = (mark: Mark) =>
    reading.freeBytes < diskMarkBytes(mark, reading.totalBytes) * (isAtLeast(before.disk, mark) ? DISK_MARGIN : 1);
  const used = reading.ledgerBytes / reading.ledgerMaxBytes;
  const isFilled = (mark: Mark) => used >= ledgerMarks[mark] - (isAtLeast(before.ledger, mark) ? LEDGER_MARGIN : 0);
  return { disk: worstFirst.find(isShort) ?? 'ample', ledger: worstFirst.find(isFilled) ?? 'ample' };
}
