import { type ConnectorState, type Context, type Decision, note, stay } from './connector.ts';
import { delivers } from './reading.ts';

/**
 * Why latched faults may not be cleared now, in words for the technician; null when they may. A pile is looked at
 * before it is trusted again: off, and seen to be off.
 */
export function resetRefusal({ phase, reading, latched }: ConnectorState): string | null {
  if (latched.length === 0) return 'nothing is latched';
  if (phase.kind !== 'idle') return `the connector is ${phase.kind}: wait until the charge is over`;
  if (reading === null) return 'the pile does not answer, so nobody sees that it is off';
  const currentA = ((reading.currentMa ?? 0) / 1000).toFixed(1);
  if (reading.currentMa === null) return 'the pile does not tell its current, so nobody sees that it is off';
  return delivers(reading) ? `${currentA} A still flow: cut the pile off first` : null;
}

/** A technician has looked at the pile and clears what is latched. */
export function resetLatches(state: ConnectorState, context: Context): Decision {
  if (resetRefusal(state) !== null) return stay(state);
  const { connectorId } = context.facts;
  const service = { ...state.service, failedStarts: 0 };
  const order = note({ latched: { connectorId, faults: [] }, service: { connectorId, service } });
  return { state: { ...state, latched: [], service }, orders: [order] };
}
