import { faultCatalogue } from '#shared/faults.ts';
import { type ConnectorState, type Context, type Decision, type Order, stay } from './connector.ts';
import { delivers } from './reading.ts';
import { alarm } from './report.ts';

const STOP_AGAIN_AFTER_MS = 5000;

/**
 * A pile that delivers while no session exists is stopped, by both ways in turn, until it does not. Whoever started it,
 * there is no record that it could be billed from.
 */
export function idleReading(state: ConnectorState, context: Context): Decision {
  const { stray } = state;
  if (!delivers(state.reading)) return stay(stray === null ? state : { ...state, stray: null });
  const { now, facts } = context;
  if (stray !== null && now.monoMs - stray.writtenMonoMs < STOP_AGAIN_AFTER_MS) return stay(state);
  const write = stray === null || stray.lastWrite === 'hardStop' ? 'softStop' : 'hardStop';
  const orders: Order[] = [{ kind: 'write', write, limitMa: null, requestId: null }];
  if (stray === null) {
    const code = 'energy-without-session';
    const raised = alarm(facts, code, { alarmId: context.newId(), sessionId: null, detail: faultCatalogue[code].en });
    orders.push({ kind: 'commit', answer: null, transaction: { session: null, records: [raised] } });
  }
  return { state: { ...state, stray: { lastWrite: write, writtenMonoMs: now.monoMs } }, orders };
}
