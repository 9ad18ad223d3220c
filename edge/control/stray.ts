import { type FaultCode, faultCatalogue } from '#shared/faults.ts';
import { type ConnectorState, type Context, type Decision, note, type Order, stay } from './connector.ts';
import { withLatch } from './latch.ts';
import { delivers } from './reading.ts';
import { alarm } from './report.ts';
import { refusalOf, rungsFor } from './stop.ts';
import type { Rung } from './stop-ladder.ts';

/** A pile that delivers without a session, and what has been done against it. */
export interface Stray {
  readonly lastWrite: Rung;
  readonly writtenMonoMs: number;
  /** How many stops it has been told. */
  readonly tries: number;
  /** Since when it has been off again; null while it delivers. */
  readonly offSinceMonoMs: number | null;
}

const STOP_AGAIN_AFTER_MS = 5000;
/** One that comes on again sooner is the same trouble, and not news. */
const OVER_AFTER_MS = 60_000;

/**
 * A pile that delivers while no session exists is stopped by every way there is, in turn, until it does not. Whoever
 * started it, there is no record that it could be billed from. One that goes on is latched.
 */
export function strayReading(state: ConnectorState, context: Context): Decision {
  const { stray, reading } = state;
  const nowMs = context.now.monoMs;
  if (!delivers(reading)) return stay({ ...state, stray: stray === null ? null : whileOff(stray, nowMs) });
  if (stray !== null && nowMs - stray.writtenMonoMs < STOP_AGAIN_AFTER_MS)
    return stay({ ...state, stray: { ...stray, offSinceMonoMs: null } });
  const tries = stray?.tries ?? 0;
  const rungs = rungsFor(state, context.facts);
  const write = rungs[tries % rungs.length] ?? 'softStop';
  const next: Stray = { lastWrite: write, writtenMonoMs: nowMs, tries: tries + 1, offSinceMonoMs: null };
  const stop: Order = { kind: 'write', write, limitMa: null, requestId: null };
  const told = tell({ ...state, stray: next }, tries, rungs, context);
  return { state: told.state, orders: [stop, ...told.orders] };
}

function whileOff(stray: Stray, nowMs: number): Stray | null {
  const offSinceMonoMs = stray.offSinceMonoMs ?? nowMs;
  return nowMs - offSinceMonoMs >= OVER_AFTER_MS ? null : { ...stray, offSinceMonoMs };
}

/** An alarm at the first stop, and another with a latch when soft and hard stop have both been in vain. */
function tell(state: ConnectorState, tries: number, rungs: readonly Rung[], context: Context): Decision {
  const { newId, facts } = context;
  const raised = (fault: FaultCode, detail: string) =>
    note({ records: [alarm(facts, fault, { alarmId: newId(), sessionId: null, detail })] });
  if (tries === 0) {
    const code = 'energy-without-session';
    return { state, orders: [raised(code, faultCatalogue[code].en)] };
  }
  const { fault, detail } = refusalOf(state, tries < rungs.length ? null : rungs);
  if (tries < 2 || state.latched.includes(fault)) return stay(state);
  const latched = withLatch(state, fault, raised(fault, detail), context);
  return { state: latched.state, orders: [latched.order] };
}
