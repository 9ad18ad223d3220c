import { faultCatalogue } from '#shared/faults.ts';
import { type ConnectorState, type Context, type Decision, note, type Service, stay } from './connector.ts';
import { withLatch } from './latch.ts';
import { alarm } from './report.ts';

/** So many starts in a row that failed for a reason of the pile take it out of service. */
const FAILED_STARTS_ALLOWED = 3;

/** Puts the connector's service on disk. */
export function withService(state: ConnectorState, service: Service, context: Context): Decision {
  const { connectorId } = context.facts;
  return { state: { ...state, service }, orders: [note({ service: { connectorId, service } })] };
}

/** Counts a start that the pile has not followed. The last one that is allowed latches the connector and says so. */
export function failedStart(before: ConnectorState, context: Context): Decision {
  const { connectorId } = context.facts;
  const service = { ...before.service, failedStarts: before.service.failedStarts + 1 };
  const state: ConnectorState = { ...before, service, countedThisPlug: true };
  const isLast = service.failedStarts >= FAILED_STARTS_ALLOWED && !state.latched.includes('starts-fail');
  const detail = faultCatalogue['starts-fail'].en;
  const raised = () => alarm(context.facts, 'starts-fail', { alarmId: context.newId(), sessionId: null, detail });
  const order = note({ records: isLast ? [raised()] : [], service: { connectorId, service } });
  if (!isLast) return { state, orders: [order] };
  const latched = withLatch(state, 'starts-fail', order, context);
  return { state: latched.state, orders: [latched.order] };
}

/** A charge has begun: what failed before it is forgotten. */
export function startSucceeded(state: ConnectorState, context: Context): Decision {
  if (state.service.failedStarts === 0) return stay(state);
  return withService(state, { ...state.service, failedStarts: 0 }, context);
}
