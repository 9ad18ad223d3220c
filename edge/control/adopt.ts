import { faultCatalogue } from '#shared/faults.ts';
import { type ConnectorState, type Context, type Decision, enter, type Phase, record, stay } from './connector.ts';
import { COMMUNICATION_LOST_AFTER_MS, renewedInterlocks, reportedBy } from './interlocks.ts';
import { confirmLeftMs } from './outage.ts';
import { isOff, type Reading } from './reading.ts';
import { beginCharging, confirmStart } from './start.ts';
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
  const state = { ...before, interlocks: renewedInterlocks(before.interlocks, now.monoMs) };
  if (session.stop !== null) {
    const details: StopDetails = {
      cause: session.stop,
      failure: { code: 'command.cancelled', detail: 'stopping when the controller restarted' },
      latches: false,
    };
    return beginStop(state, session, details, context);
  }
  const confirmByMonoMs = now.monoMs + confirmLeftMs(session, now);
  const isCharging = reading.status === 'charging';
  if (!session.confirmed) {
    const isInTime = isCharging && now.monoMs < confirmByMonoMs;
    if (isInTime) return confirmStart(state, session, confirmByMonoMs, context);
    return beginStop(state, session, undoStart('not-confirmed', 'pile.no_confirmation'), context);
  }
  const isPaused = session.offeredMa === 0 && reading.status === 'plugged' && isOff(reading);
  if (!isCharging && !isPaused) return beginStop(state, session, endedMeanwhile(phase, reading, context), context);
  // What the pile says is in force is what it was told last, whatever the disk knows.
  const offeredMa = Math.min(reading.setpointMa ?? session.offeredMa, session.limitMa);
  return enter(state, beginCharging(session, confirmByMonoMs, offeredMa, now.monoMs), record(session));
}

/** Why a charge ended while nobody looked, as far as what is left of it can tell. */
function endedMeanwhile({ session, outage }: Adopting, reading: Reading, { facts }: Context): StopDetails {
  if (reading.status === 'unplugged')
    return faultStop({ fault: 'gun-removed', detail: faultCatalogue['gun-removed'].en }, session);
  const reported = reportedBy(reading);
  if (reported !== null) return faultStop(reported, session);
  // A pile that was left alone for less than its own patience, or has none, did not end it: the vehicle did.
  const { stopsByItselfAfterMs } = facts;
  const isVehicles = stopsByItselfAfterMs === null || outage.mostMs < stopsByItselfAfterMs;
  return {
    cause: { reason: isVehicles ? 'vehicle' : 'controller-outage', fault: null, voidReason: null, commandIds: [] },
    failure: { code: 'pile.no_confirmation', detail: 'ended while the controller was down' },
    latches: false,
  };
}

/** A pile that cannot be read after a restart is stopped as one that has fallen silent. */
export function adoptingPollFailed(state: ConnectorState, phase: Adopting, context: Context): Decision {
  if (context.now.monoMs - state.interlocks.lastReadingMs < COMMUNICATION_LOST_AFTER_MS) return stay(state);
  const { session } = phase;
  const objection = { fault: 'communication-lost', detail: faultCatalogue['communication-lost'].en } as const;
  return beginStop(state, session, faultStop(objection, session), context);
}
