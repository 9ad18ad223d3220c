import type { ChargeUnderWay } from '../orders/charges-under-way.ts';

/** What one stream has told of the charges that run, and what it is still to tell. */
export interface ProgressDue {
  /** Of each charge, when what was told last had been observed. */
  readonly toldMs: ReadonlyMap<string, number>;
  readonly owed: readonly ChargeUnderWay[];
}

export const nothingTold: ProgressDue = { toldMs: new Map(), owed: [] };

/**
 * Takes what is now for what was to be told: progress is a state. Another observation counts as newer, whatever its time, as a site
 * that has put its clock back observes as well. A charge that does not run any more is forgotten.
 */
export function takeProgress(due: ProgressDue, present: readonly ChargeUnderWay[]): ProgressDue {
  const toldMs = new Map<string, number>();
  for (const { orderId } of present) {
    const atMs = due.toldMs.get(orderId);
    if (atMs !== undefined) toldMs.set(orderId, atMs);
  }
  return { toldMs, owed: present.filter(({ orderId, live }) => toldMs.get(orderId) !== live.observedAtMs) };
}

const CHARGES_AT_ONCE = 200;

/** What goes into the next message, none when nothing is owed, and what is due after it. */
export function nextProgress(due: ProgressDue): {
  readonly part: readonly ChargeUnderWay[];
  readonly rest: ProgressDue;
} {
  if (due.owed.length === 0) return { part: [], rest: due };
  const part = due.owed.slice(0, CHARGES_AT_ONCE);
  const toldMs = new Map(due.toldMs);
  for (const { orderId, live } of part) toldMs.set(orderId, live.observedAtMs);
  return { part, rest: { toldMs, owed: due.owed.slice(CHARGES_AT_ONCE) } };
}
