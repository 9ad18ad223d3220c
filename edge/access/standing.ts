import { type ConnectorFacts, type ConnectorState, sessionOf } from '../control/connector.ts';
import { whyNotTake } from '../control/may-start.ts';
import type { Standing } from './route-card.ts';

/** A connector as somebody with a card finds it. */
export function standingOf(state: ConnectorState, facts: ConnectorFacts): Standing {
  const { connectorId } = facts;
  const { phase, reading } = state;
  const charge = phase.kind === 'checking' ? phase.wish : sessionOf(phase);
  if (phase.kind === 'stopping' || phase.kind === 'closing') return { connectorId, is: 'busy', charge };
  if (charge !== null) return { connectorId, is: 'charging', charge };
  if (reading === null) return { connectorId, is: 'unseen', charge };
  if (reading.status === 'unplugged') return { connectorId, is: 'unplugged', charge };
  const isFree = reading.status === 'plugged' && state.reservation === null && whyNotTake(state, facts) === null;
  return { connectorId, is: isFree ? 'waiting' : 'held', charge };
}
