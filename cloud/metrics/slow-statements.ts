import type { Logger } from 'pino';
import type { Clock } from '#shared/clock.ts';

/** One statement as the database was asked it, with placeholders in the place of its values. */
export interface Asked {
  readonly statement: string;
  readonly durationMs: number;
}

export interface SlowStatements {
  /** How many statements took longer than they should, and how long these took together. */
  readonly count: number;
  readonly totalMs: number;
  look(asked: Asked): void;
}

/** The same statement is on the log once in this time, with how often it was slow. */
const TOLD_EVERY_MS = 60_000;
/** Statements are the program's own, so there are few; where one is made of many parts this is what is kept of them. */
const KEPT = 200;

/** Watches for statements that take long. Their values are never seen here, so none is logged. */
export function watchSlowStatements(
  parts: { readonly logger: Logger; readonly clock: Pick<Clock, 'monoMs'> },
  slowAfterMs: number,
): SlowStatements {
  const told = new Map<string, { atMs: number; since: number }>();
  let count = 0;
  let totalMs = 0;
  return {
    get count() {
      return count;
    },
    get totalMs() {
      return totalMs;
    },
    look({ statement, durationMs }) {
      if (durationMs < slowAfterMs) return;
      count += 1;
      totalMs += durationMs;
      const nowMs = parts.clock.monoMs();
      const before = told.get(statement);
      if (before !== undefined && nowMs - before.atMs < TOLD_EVERY_MS) {
        before.since += 1;
        return;
      }
      const fields = { statement, durationMs: Math.round(durationMs), untold: before?.since ?? 0 };
      parts.logger.warn(fields, 'statement takes long');
      told.delete(statement);
      told.set(statement, { atMs: nowMs, since: 0 });
      const oldest = told.keys().next();
      if (told.size > KEPT && !oldest.done) told.delete(oldest.value);
    },
  };
}
