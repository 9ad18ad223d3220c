import { type ConnectorState, type Context, type Decision, enter, type Phase, record } from './connector.ts';
import { evaluateInterlocks } from './interlocks.ts';
import { isOff } from './reading.ts';
import { setUpFault } from './set-up.ts';
import { beginStop, faultStop, undoStart } from './stop.ts';

type Charging = Extract<Phase, { kind: 'charging' }>;

/** A vehicle that has taken nothing for this long has ended the charge, not paused it. */
const VEHICLE_ENDED_AFTER_MS = 60_000;
/** How often the last reading is stored: what a bill could lose if pile and controller went down together for good. */
const SAVE_EVERY_MS = 60_000;

/** One poll, good or failed, of a connector that delivers. */
export function chargingPoll(state: ConnectorState, phase: Charging, context: Context): Decision {
  const nowMs = context.now.monoMs;
  const { session } = phase;
  const limits = { limitMa: session.limitMa, overTemperatureDc: context.facts.overTemperatureDc };
  const judged = evaluateInterlocks(state.interlocks, state.reading, limits, nowMs);
  const next = { ...state, interlocks: judged.state };
  const tripped = judged.tripped ?? setUpFault(state.setUp, nowMs);
  if (tripped !== null) return beginStop(next, session, faultStop(tripped, session), context);
  if (!session.acknowledged && nowMs >= phase.confirmByMonoMs) {
    const details = undoStart('not-confirmed', 'operation.timed_out');
    return beginStop(next, session, details, context);
  }
  const vehicleIdleSinceMonoMs = idleSince(next, phase, nowMs);
  if (vehicleIdleSinceMonoMs !== null && nowMs - vehicleIdleSinceMonoMs >= VEHICLE_ENDED_AFTER_MS) {
    const cause = { reason: 'vehicle' as const, fault: null, voidReason: null, commandIds: [] };
    return beginStop(
      next,
      session,
      { cause, failure: { code: 'pile.no_confirmation', detail: 'the vehicle took nothing' } },
      context,
    );
  }
  if (nowMs - phase.savedMonoMs < SAVE_EVERY_MS) return enter(next, { ...phase, vehicleIdleSinceMonoMs });
  return enter(next, { ...phase, vehicleIdleSinceMonoMs, savedMonoMs: nowMs }, record(session));
}

function idleSince(state: ConnectorState, phase: Charging, nowMs: number): number | null {
  const { reading } = state;
  if (reading === null) return phase.vehicleIdleSinceMonoMs;
  const isIdle = reading.status === 'plugged' && isOff(reading);
  return isIdle ? (phase.vehicleIdleSinceMonoMs ?? nowMs) : null;
}
