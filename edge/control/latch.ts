import type { FaultCode } from '#shared/faults.ts';
import type { Commit, ConnectorState, Context } from './connector.ts';

/**
 * Latches a fault in the transaction that tells of it: a power cut, which the same trouble may bring, leaves both or
 * neither.
 */
export function withLatch(
  state: ConnectorState,
  fault: FaultCode,
  order: Commit,
  { facts }: Context,
): { readonly state: ConnectorState; readonly order: Commit } {
  if (state.latched.includes(fault)) return { state, order };
  const faults = [...state.latched, fault];
  const latched = { connectorId: facts.connectorId, faults };
  return { state: { ...state, latched: faults }, order: { ...order, transaction: { ...order.transaction, latched } } };
}
