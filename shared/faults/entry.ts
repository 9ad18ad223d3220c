/** One fault of the catalogue: what it does to a charge, and what is said about it and to whom. */
export interface FaultEntry {
  readonly severity: 'warning' | 'critical';
  /** What it does: stop at the rung of the stop ladder that it names, refuse new charges only, or be told only. */
  readonly reaction: 'hard-stop' | 'soft-stop' | 'refuse' | 'none';
  /** From detection until the current is proven below 1 A; 0 where nothing is stopped. */
  readonly deadlineMs: number;
  /** A latched fault keeps the connector out of service until a technician resets it. */
  readonly latch: boolean;
  /** The clause, vendor sheet or reasoning behind reaction and latch. */
  readonly source: string;
  /** For the technician: what is wrong, */
  readonly en: string;
  readonly zh: string;
  /** and what to do about it. */
  readonly doEn: string;
  readonly doZh: string;
  /** For whoever stands at the pile, without jargon. */
  readonly driverEn: string;
  readonly driverZh: string;
}

/**
 * From detection to "below 1 A, read back": 1 s for the frame to go out with eight piles on a line of 9600 baud, 3 s for
 * the vehicle to ramp down and at least 6 s before a pile may open under load (IEC 61851-1 Table A.6, 10.2).
 */
export const STOP_DEADLINE_MS = 10_000;
