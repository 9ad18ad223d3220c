import type { Phases } from '../faults/state-effects.ts';

/**
 * What the site's network was asked to carry, in the order in which it happened: what the registers of a pile let it take
 * (`allowed`), and what other loads of a node take (`house`). Currents in A on the network's L1 to L3.
 */
export type NetworkChange = { readonly monoMs: number; readonly currentsA: Phases<number> } & (
  | { readonly kind: 'allowed'; readonly pileId: string }
  | { readonly kind: 'house'; readonly nodeId: string }
);

const KEPT = 20_000;
/** A house load is noted when a phase of it has moved so far since the last time. */
const HOUSE_STEP_A = 0.5;

/** The changes of one network, oldest first, the last 20,000 of them. */
export interface ChangeLog {
  note(change: NetworkChange): void;
  /** Those from the `from`th of all on, and what to ask for next. */
  since(from: number): { readonly next: number; readonly changes: readonly NetworkChange[] };
}

/** An empty log. */
export function createChangeLog(): ChangeLog {
  const kept: NetworkChange[] = [];
  const last = new Map<string, Phases<number>>();
  let dropped = 0;
  return {
    note: (change) => {
      const name = change.kind === 'allowed' ? change.pileId : change.nodeId;
      const before = last.get(name);
      const stepA = change.kind === 'house' ? HOUSE_STEP_A : 0;
      if (before !== undefined && !hasMoved(before, change.currentsA, stepA)) return;
      last.set(name, change.currentsA);
      kept.push(change);
      if (kept.length > KEPT) {
        kept.shift();
        dropped += 1;
      }
    },
    since: (from) => ({ next: dropped + kept.length, changes: kept.slice(Math.max(0, from - dropped)) }),
  };
}

function hasMoved(before: Phases<number>, after: Phases<number>, byA: number): boolean {
  return before.some((currentA, phase) => {
    const stepA = Math.abs(currentA - (after[phase] ?? 0));
    return byA === 0 ? stepA > 0 : stepA >= byA;
  });
}
