import type { LedgerTransaction } from '../connector.ts';
import type { Objection } from '../influence.ts';
import { siteAlarm } from '../report.ts';
import { LOST_AFTER_MS } from './input.ts';

/** What never changes about a trip output while the process runs. */
export interface OutputFacts {
  readonly outputId: string;
  /** `trips`: the relay drives a shunt trip. `holds`: it holds an under-voltage release, and letting go trips. */
  readonly energised: 'trips' | 'holds';
  /** A shunt trip that bears current for a short time only; null when the relay stays as it is. */
  readonly pulseMs: number | null;
}

export interface OutputState {
  /** The supply behind it is cut off. Only a technician ends that. */
  readonly tripped: boolean;
  /** How the relay read back the last time; null before the first look. */
  readonly isOn: boolean | null;
  /** When the last good look was asked for. */
  readonly seenMonoMs: number;
  /** Nobody has seen it for too long. */
  readonly lost: boolean;
  /** Somebody is writing the relay: what it reads meanwhile says nothing. */
  readonly isBeingWritten: boolean;
  /** When the relay was last seen to be as it should; a look that was asked for before says nothing. */
  readonly writtenMonoMs: number;
}

export type OutputEvent =
  | { readonly kind: 'look'; readonly isOn: boolean; readonly askedMonoMs: number }
  /** It is about to be tripped. */
  | { readonly kind: 'trip'; readonly because: string }
  /** It is about to be written otherwise. */
  | { readonly kind: 'writing' }
  /** A technician has put it back, and it reads back so. */
  | { readonly kind: 'restored' }
  /** The write is over, whatever became of it. */
  | { readonly kind: 'write-ended' }
  | { readonly kind: 'tick' };

export interface OutputDecision {
  readonly state: OutputState;
  readonly store: LedgerTransaction | null;
  /** How the relay has to be written now; null when it need not be. */
  readonly write: boolean | null;
}

export interface OutputContext {
  readonly facts: OutputFacts;
  readonly nowMonoMs: number;
  readonly newId: () => string;
}

/** A relay that does not take its trip is told again, and not all the time. */
const WRITE_AGAIN_AFTER_MS = 1000;

/** @param tripped as the ledger has it */
export const newOutput = (tripped: boolean, nowMonoMs: number): OutputState => ({
  tripped,
  isOn: null,
  seenMonoMs: nowMonoMs,
  lost: false,
  isBeingWritten: false,
  writtenMonoMs: Number.NEGATIVE_INFINITY,
});

/** How the relay stands when it has tripped. */
export const trippedLevel = ({ energised }: OutputFacts): boolean => energised === 'trips';

/**
 * The whole mind of a trip output. What is cut off stays cut off: an output that is found tripped counts as tripped,
 * also at the first look after a start, and one that has lost its trip is tripped again.
 */
export function decideOutput(state: OutputState, event: OutputEvent, context: OutputContext): OutputDecision {
  switch (event.kind) {
    case 'look':
      return looked({ ...state, isOn: event.isOn, seenMonoMs: event.askedMonoMs, lost: false }, event, context);
    case 'trip':
      return cutOff({ ...state, isBeingWritten: true }, event.because, context);
    case 'writing':
      return rest({ ...state, isBeingWritten: true });
    case 'restored': {
      const inputs = { inputId: context.facts.outputId, latched: false };
      return { ...rest({ ...state, tripped: false }), store: { session: null, records: [], inputs } };
    }
    case 'write-ended':
      return rest({ ...state, isBeingWritten: false, writtenMonoMs: context.nowMonoMs });
    case 'tick':
      return overdue(state, context);
  }
}

const rest = (state: OutputState): OutputDecision => ({ state, store: null, write: null });

function looked(
  state: OutputState,
  { isOn, askedMonoMs }: Extract<OutputEvent, { kind: 'look' }>,
  context: OutputContext,
): OutputDecision {
  if (state.isBeingWritten || askedMonoMs < state.writtenMonoMs) return rest(state);
  const { pulseMs } = context.facts;
  const isTripping = isOn === trippedLevel(context.facts);
  // The pulse of a relay that was found on is counted from then.
  if (!state.tripped && isTripping)
    return cutOff({ ...state, writtenMonoMs: context.nowMonoMs }, 'it was found tripped', context);
  if (!state.tripped) return rest(state);
  const sinceWrittenMs = context.nowMonoMs - state.writtenMonoMs;
  if (pulseMs === null) {
    const isLost = !isTripping && sinceWrittenMs >= WRITE_AGAIN_AFTER_MS;
    return isLost ? { ...rest(state), write: trippedLevel(context.facts) } : rest(state);
  }
  const isPulseOver = isOn && sinceWrittenMs >= pulseMs;
  return isPulseOver ? { ...rest(state), write: false } : rest(state);
}

function cutOff(state: OutputState, because: string, { facts, newId }: OutputContext): OutputDecision {
  if (state.tripped) return rest(state);
  const records = [siteAlarm('site-tripped', newId(), `trip output ${facts.outputId}: ${because}`)];
  const inputs = { inputId: facts.outputId, latched: true };
  return { state: { ...state, tripped: true }, store: { session: null, records, inputs }, write: null };
}

/** Without it the site has lost a way to stop: that is told. */
function overdue(state: OutputState, { facts, newId, nowMonoMs }: OutputContext): OutputDecision {
  if (state.lost || nowMonoMs - state.seenMonoMs < LOST_AFTER_MS) return rest(state);
  const records = [siteAlarm('site-input-lost', newId(), `trip output ${facts.outputId} cannot be seen`)];
  return { state: { ...state, lost: true }, store: { session: null, records }, write: null };
}

/** Why an output may not be put back now, in words for the technician; null when it may. */
export function restoreRefusal(
  { tripped, isOn, isBeingWritten, lost }: OutputState,
  facts: OutputFacts,
): string | null {
  if (!tripped) return `${facts.outputId} is not tripped`;
  if (isBeingWritten) return `${facts.outputId} is being written: try again`;
  return isOn === null || lost ? `the board of ${facts.outputId} does not answer` : null;
}

/** What an output has against a new charge at the connectors behind it; null when nothing. */
export function outputObjection(state: OutputState, { outputId }: OutputFacts): Objection | null {
  const { tripped, isOn, lost } = state;
  if (tripped) return { fault: 'site-tripped', detail: `cut off by ${outputId} until a technician resets it` };
  if (lost) return { fault: 'site-input-lost', detail: `trip output ${outputId} cannot be seen` };
  return isOn === null ? { fault: 'site-input-lost', detail: `trip output ${outputId} has not been seen yet` } : null;
}
