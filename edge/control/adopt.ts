import { type ConnectorState, type Context, type Decision, enter, type Phase, record, stay } from './connector.ts';
import { COMMUNICATION_LOST_AFTER_MS, freshInterlocks } from './interlocks.ts';
import { sessionTimeMs } from './session.ts';
import { confirmStart } from './start.ts';
import { beginStop, faultStop, type StopDetails, undoStart } from './stop.ts';

type Adopting = Extract<Phase, { kind: 'adopting' }>;

/**
 * The first look at a pile whose session was found in the ledger. A charge that still runs goes on with the limit
 * that the pile has: the first write after a restart never raises one. A charge that ended meanwhile is closed from
 * the meter.
 */
export function adoptingReading(before: ConnectorState, phase: Adopting, context: Context): Decision {
  const { reading } = before;
  if (reading === null) return stay(before);
  const { session } = phase;
  const { now } = context;
  const state = { ...before, interlocks: freshInterlocks(now.monoMs) };
  if (session.stop !== null) {
    const details: StopDetails = {
      cause: session.stop,
      failure: { code: 'command.cancelled', detail: 'stopping when the controller restarted' },
    };
    return beginStop(state, session, details, context);
  }
  const confirmByMonoMs = now.monoMs + (session.confirmByWallMs - sessionTimeMs(session, now));
  const isCharging = reading.status === 'charging';
  if (!session.confirmed) {
    const isInTime = isCharging && now.monoMs < confirmByMonoMs;
    if (isInTime) return confirmStart(state, session, confirmByMonoMs, context);
    return beginStop(state, session, undoStart('not-confirmed', 'pile.no_confirmation'), context);
  }
  if (!isCharging) return beginStop(state, session, endedMeanwhile(reading.status === 'unplugged'), context);
  const charging: Phase = {
    kind: 'charging',
    session,
    confirmByMonoMs,
    vehicleIdleSinceMonoMs: null,
    savedMonoMs: now.monoMs,
  };
  return enter(state, charging, record(session));
}

function endedMeanwhile(isUnplugged: boolean): StopDetails {
  const reason = isUnplugged ? ('gun-removed' as const) : ('controller-outage' as const);
  return {
    cause: { reason, fault: isUnplugged ? ('gun-removed' as const) : null, voidReason: null, commandIds: [] },
    failure: { code: 'pile.no_confirmation', detail: 'ended while the controller was down' },
  };
}

/** A pile that cannot be read after a restart is stopped as one that has fallen silent. */
export function adoptingPollFailed(state: ConnectorState, phase: Adopting, context: Context): Decision {
  if (context.now.monoMs - state.interlocks.lastReadingMs < COMMUNICATION_LOST_AFTER_MS) return stay(state);
  const { session } = phase;
  return beginStop(state, session, faultStop('communication-lost', session), context);
}
