/** Traffic of one unit on a line. */
export interface UnitCounters {
  requests: number;
  replies: number;
  exceptions: number;
}

/** Traffic of one line since the process started. */
export interface LineCounters {
  requests: number;
  replies: number;
  /** Frames between two silences whose length or checksum was wrong. */
  crcErrors: number;
  /** Whole requests to a unit that nobody on this line has. */
  unknownUnit: number;
  /** Replies of devices that do not speak Modbus; their frames count nowhere else. */
  rawReplies: number;
  readonly perUnit: Record<string, UnitCounters>;
}

/** Counters at zero for the given units. */
export function zeroCounters(units: Iterable<number>): LineCounters {
  const perUnit: Record<string, UnitCounters> = {};
  for (const unit of units) perUnit[String(unit)] = { requests: 0, replies: 0, exceptions: 0 };
  return { requests: 0, replies: 0, crcErrors: 0, unknownUnit: 0, rawReplies: 0, perUnit };
}
