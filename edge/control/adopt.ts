import { VEHICLE_ENDED_AFTER_MS } from './charge.ts';
import {
  type ConnectorFacts,
  type ConnectorState,
  type Context,
  type Decision,
  enter,
  type Phase,
  record,
  stay,
} from './connector.ts';
import { objectionOf } from './influence.ts';
import { COMMUNICATION_LOST_AFTER_MS, renewedInterlocks, reportedBy } from './interlocks.ts';
import { adoptedOffer } from './offer.ts';
import { confirmLeftMs, type Outage } from './outage.ts';
import { isOff, type Reading } from './reading.ts';
import { beginCharging, confirmStart } from './start.ts';
import { beginStop, faultStop, type StopDetails, undoStart } from './stop.ts';

type Adopting = Extract<Phase, { kind: 'adopting' }>;

/**
 * The first look at a pile whose session was found in the ledger. A charge that still runs goes on with the limit
 * that the pile has: the first write after a restart never raises one, and none does for some time. A charge that ended meanwhile is closed from
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
      // What demanded it from around the pile has latches of its own.
      latches: session.stop.reason !== 'site',
    };
    return beginStop(state, session, details, context);
  }
  const confirmByMonoMs = now.monoMs + confirmLeftMs(session, now);
  const isCharging = reading.status === 'charging';
  if (!session.confirmed) {
    const isInTime = isCharging && now.monoMs < confirmByMonoMs;
    if (isInTime) {
      const offer = adoptedOffer(session.offeredMa, reading.setpointMa, session.limitMa, now.monoMs);
      return confirmStart(state, session, confirmByMonoMs, offer, context);
    }
    return beginStop(state, session, undoStart('not-confirmed', 'pile.no_confirmation'), context);
  }
  const isAtRest = reading.status === 'plugged' && isOff(reading) && reportedBy(reading) === null;
  const isPaused = isAtRest && session.offeredMa === 0;
  if (isAtRest && !isPaused && isVehiclesPause(phase, context))
    return adoptPause(state, phase, confirmByMonoMs, context);
  if (!isCharging && !isPaused) return beginStop(state, session, endedMeanwhile(phase, reading, context), context);
  const offer = adoptedOffer(session.offeredMa, reading.setpointMa, session.limitMa, now.monoMs);
  return enter(state, beginCharging(session, confirmByMonoMs, offer, now.monoMs), record(session));
}

/** Why a charge ended while nobody looked, as far as what is left of it can tell. */
function endedMeanwhile({ session, outage }: Adopting, reading: Reading, { facts }: Context): StopDetails {
  if (reading.status === 'unplugged') return faultStop(objectionOf('gun-removed'), session);
  const reported = reportedBy(reading);
  if (reported !== null) return faultStop(reported, session);
  return {
    cause: {
      reason: isVehicles(outage, facts) ? 'vehicle' : 'controller-outage',
      fault: null,
      voidReason: null,
      commandIds: [],
    },
    failure: { code: 'pile.no_confirmation', detail: 'ended while the controller was down' },
    latches: false,
  };
}

/** A pile that was left alone for less than its own patience, or has none, did not stop by itself: the vehicle did. */
const isVehicles = ({ mostMs }: Outage, { stopsByItselfAfterMs }: ConnectorFacts): boolean =>
  stopsByItselfAfterMs === null || mostMs < stopsByItselfAfterMs;

/** A vehicle that takes nothing has not ended the charge before its time is over. */
const isVehiclesPause = ({ outage }: Adopting, { facts }: Context): boolean =>
  isVehicles(outage, facts) && outage.mostMs < VEHICLE_ENDED_AFTER_MS;

function adoptPause(state: ConnectorState, phase: Adopting, confirmByMonoMs: number, context: Context): Decision {
  const { session, outage } = phase;
  const { monoMs } = context.now;
  const flow = { kind: 'suspended', by: 'vehicle', sinceMonoMs: monoMs - outage.leastMs } as const;
  // A pile at rest may tell the 0 that flows.
  const toldMa = Math.max(session.offeredMa, state.reading?.setpointMa ?? 0);
  const charging = beginCharging(
    session,
    confirmByMonoMs,
    adoptedOffer(session.offeredMa, toldMa, session.limitMa, monoMs),
    monoMs,
  );
  return enter(state, { ...charging, flow }, record(session));
}

/** A pile that cannot be read after a restart is stopped as one that has fallen silent. */
export function adoptingPollFailed(state: ConnectorState, phase: Adopting, context: Context): Decision {
  if (context.now.monoMs - state.interlocks.lastReadingMs < COMMUNICATION_LOST_AFTER_MS) return stay(state);
  const { session } = phase;
  return beginStop(state, session, faultStop(objectionOf('communication-lost'), session), context);
}
