import type { RaiseHoldCommand } from '#shared/wire/messages.ts';
import { type ConnectorState, type Decision, note, record, sessionOf } from './connector.ts';
import { commandDone, commandFailed } from './report.ts';
import type { Session } from './session.ts';
import { withSession } from './take-register.ts';

/**
 * More has been paid or held for a charge. What is on disk with it is on disk with the word that it is: whoever raises a hold
 * and hears nothing may give the money back. A hold never falls, whatever order the words arrive in.
 */
export function takeRaiseHold(state: ConnectorState, command: RaiseHoldCommand): Decision {
  const { commandId, sessionId, holdMinor } = command;
  const session = sessionOf(state.phase);
  const fail = (code: 'session.unknown' | 'hold.none', detail: string): Decision => ({
    state,
    orders: [note({ records: [commandFailed(commandId, code, detail, sessionId)] })],
  });
  // Its record has been written: what is raised now changes nothing any more.
  if (session === null || session.sessionId !== sessionId || state.phase.kind === 'closing')
    return fail('session.unknown', `no session ${sessionId} that still runs on this connector`);
  if (session.holdMinor === null) return fail('hold.none', 'nothing limits what this charge may cost');
  const raised: Session = { ...session, holdMinor: Math.max(session.holdMinor, holdMinor) };
  return { state: withSession(state, raised), orders: [record(raised, commandDone(commandId, sessionId))] };
}
