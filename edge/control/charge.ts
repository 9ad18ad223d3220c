import { faultCatalogue } from '#shared/faults.ts';
import { chargeFault } from './charge-limits.ts';
import { targetReached, targetStop } from './charge-target.ts';
import {
  type ConnectorState,
  type Context,
  type Decision,
  enter,
  type Flow,
  type Order,
  type Phase,
  record,
  stay,
  type Told,
} from './connector.ts';
import type { Objection } from './influence.ts';
import { tripped } from './interlocks.ts';
import { limitsFor } from './limits.ts';
import { meterFault } from './meter-fault.ts';
import { isDefied, leastMa, needsAssertion, offerRefused, offerTaken, offerTold, steer } from './offer.ts';
import { delivers, isOff } from './reading.ts';
import { alarm } from './report.ts';
import { isAwaited, type Session, withMark } from './session.ts';
import { setUpFault } from './set-up.ts';
import { beginStop, demandedStop, faultStop, type StopDetails, undoStart } from './stop.ts';
import { meterLimits } from './take-register.ts';
import { offerableMa, targetMa, tooLittleLeft } from './target.ts';

type Charging = Extract<Phase, { kind: 'charging' }>;

/** A vehicle that has taken nothing for this long has ended the charge, not paused it. */
export const VEHICLE_ENDED_AFTER_MS = 60_000;
/** How often the last reading is stored: what a bill could lose if pile and controller went down together for good. Each time costs flash two pages. */
const SAVE_EVERY_MS = 120_000;
/** A pile that restarts again and again under one charge has a fault. */
const RESTARTS_ALLOWED = 3;

/** One poll, good or failed, of a connector that delivers. */
export function chargingPoll(state: ConnectorState, before: Charging, context: Context): Decision {
  const nowMs = context.now.monoMs;
  const phase = withFlow(state, before, nowMs);
  const { session } = phase;
  const stop = reasonToStop(state, phase, context);
  if (stop !== null) return beginStop(state, session, stop, context);
  const asserted = afterRestart(state, phase, context);
  if (asserted !== null) return asserted;
  const steered = steerOffer(state, phase, context);
  return nowMs - phase.savedMonoMs >= SAVE_EVERY_MS ? saved(steered, nowMs) : steered;
}

function saved({ state, orders }: Decision, nowMs: number): Decision {
  if (state.phase.kind !== 'charging') return { state, orders };
  const phase: Charging = { ...state.phase, savedMonoMs: nowMs };
  return { state: { ...state, phase }, orders: [...orders, record(phase.session)] };
}

/** Why the charge cannot go on; null when it can. */
function reasonToStop(state: ConnectorState, phase: Charging, context: Context): StopDetails | null {
  const { session, flow, offer } = phase;
  const nowMs = context.now.monoMs;
  const found = faultOf(state, phase, context);
  if (found !== null) return faultStop(found, session);
  const demand = demandOn(state, session, context);
  if (demand !== null) return demandedStop(demand, session);
  if (isDefied(offer, nowMs))
    return faultStop({ fault: 'pile-fault', detail: 'the pile does not take a lower limit' }, session);
  const target = targetReached(session, state.reading, context);
  if (target !== null) return targetStop(target);
  if (isAwaited(session) && nowMs >= phase.confirmByMonoMs) return undoStart('not-confirmed', 'operation.timed_out');
  const hasEnded =
    flow.kind === 'suspended' && flow.by === 'vehicle' && nowMs - flow.sinceMonoMs >= VEHICLE_ENDED_AFTER_MS;
  return hasEnded ? vehicleEnded : null;
}

/** What the surroundings demand of a charge that runs: to end, or less than the pile can offer without ending. */
function demandOn({ influence }: ConnectorState, session: Session, { facts }: Context): Objection | null {
  if (influence.stop !== null) return influence.stop;
  if (targetMa(session.limitMa, influence, facts) !== null) return null;
  return tooLittleLeft(session.limitMa, influence, facts);
}

const vehicleEnded: StopDetails = {
  cause: { reason: 'vehicle', fault: null, voidReason: null, commandIds: [] },
  failure: { code: 'pile.no_confirmation', detail: 'the vehicle took nothing' },
  latches: false,
};

function faultOf(state: ConnectorState, phase: Charging, context: Context): Objection | null {
  const nowMs = context.now.monoMs;
  return (
    tripped(state.interlocks, state.reading, limitsFor(state, context), nowMs) ??
    setUpFault(state.setUp, nowMs) ??
    meterFault(state.track, nowMs, meterLimits(context.facts, true)) ??
    chargeFault(phase.session, context)
  );
}

/** Whether it delivers, and if not, on whose account. A pile that is not heard leaves it as it was. */
function withFlow({ reading }: ConnectorState, phase: Charging, nowMs: number): Charging {
  if (reading === null) return phase;
  const session = delivers(reading) ? sawCurrent(phase.session, reading.currentMa) : phase.session;
  const isIdle = reading.status === 'plugged' && isOff(reading);
  if (!isIdle) return { ...phase, session, flow: { kind: 'delivering' } };
  const by = leastMa(phase.offer) === 0 ? 'us' : 'vehicle';
  const isSame = phase.flow.kind === 'suspended' && phase.flow.by === by;
  const flow: Flow = isSame ? phase.flow : { kind: 'suspended', by, sinceMonoMs: nowMs };
  return { ...phase, session, flow };
}

const sawCurrent = (session: Session, currentMa: number | null): Session =>
  session.sawCurrent || (currentMa ?? 0) === 0 ? session : { ...session, sawCurrent: true };

/**
 * The pile may have restarted under the charge, and has its set-up again. One that is at rest is told to go on. One that
 * delivers may do so by a limit of its own, and is told the one in force.
 */
function afterRestart(state: ConnectorState, phase: Charging, context: Context): Decision | null {
  const { reading, setUp } = state;
  if (!phase.mayHaveRestarted || setUp.result !== 'taken' || reading === null) return null;
  const { facts } = context;
  const next: Charging = { ...phase, mayHaveRestarted: false };
  const limitMa = Math.min(leastMa(phase.offer), wantedMa(state, phase, context));
  if (phase.flow.kind === 'delivering') return tellLimit(state, next, limitMa, context, facts.limitMa);
  return limitMa > 0 ? resume(state, next, limitMa, context) : null;
}

/** A pile that delivers may do so by a limit of its own while its set-up is lost: nothing of that waits for the next look. */
export function chargingSetUp(
  state: ConnectorState,
  phase: Charging,
  { isNew, isLost }: { isNew: boolean; isLost: boolean },
  context: Context,
): Decision {
  if (!isNew) return state.setUp.result === 'missing' ? enter(state, phase, { kind: 'poll-now' }) : stay(state);
  const next: Charging = { ...phase, mayHaveRestarted: true };
  const asserted = next.flow.kind === 'delivering' ? afterRestart(state, next, context) : null;
  return asserted ?? enter(state, isLost ? next : phase);
}

/** Tells a pile that has restarted to go on, and the record says so. */
function resume(state: ConnectorState, phase: Charging, limitMa: number, context: Context): Decision {
  const { session } = phase;
  if (session.restarts >= RESTARTS_ALLOWED) {
    const detail = `it has restarted ${session.restarts + 1} times under this charge`;
    return beginStop(state, session, faultStop({ fault: 'pile-fault', detail }, session), context);
  }
  const marked = withMark(session, 'pile-restarted');
  const going: Session = { ...marked, restarts: session.restarts + 1, offeredMa: limitMa };
  const about = { alarmId: context.newId(), sessionId: session.sessionId, detail: faultCatalogue['pile-restarted'].en };
  const offer = offerTold(phase.offer, limitMa, context.now.monoMs);
  return enter(
    state,
    { ...phase, session: going, offer },
    { kind: 'write', write: 'start', limitMa, requestId: session.requestId },
    record(going, alarm(context.facts, 'pile-restarted', about)),
  );
}

/** What the surroundings leave. A charge of a pile that cannot offer so little has been stopped before. */
const wantedMa = ({ influence }: ConnectorState, { session }: Charging, { facts }: Context): number =>
  offerableMa(session.limitMa, influence, facts);

/** Brings what is offered to what the surroundings leave. While nobody knows what the site's rules say, it is not raised. */
function steerOffer(state: ConnectorState, phase: Charging, context: Context): Decision {
  const { offer } = phase;
  const { monoMs } = context.now;
  const mayRaise = state.influence.refuse.every(({ fault }) => fault !== 'site-rules-failed');
  const aim = { targetMa: wantedMa(state, phase, context), mayRaise };
  const isAboveIt = needsAssertion(offer, state.reading?.setpointMa ?? null, monoMs);
  const limitMa = steer(offer, aim, monoMs) ?? (isAboveIt ? offer.limitMa : null);
  return limitMa === null ? enter(state, phase) : tellLimit(state, phase, limitMa, context);
}

/** What is told is on disk with the session. `perhapsMa`: what may be in force without having been told. */
function tellLimit(
  state: ConnectorState,
  phase: Charging,
  limitMa: number,
  { now }: Context,
  perhapsMa?: number,
): Decision {
  const offer = offerTold(phase.offer, limitMa, now.monoMs, perhapsMa);
  const write: Order = { kind: 'write', write: 'limit', limitMa, requestId: phase.session.requestId };
  if (phase.session.offeredMa === limitMa) return enter(state, { ...phase, offer }, write);
  const session: Session = { ...phase.session, offeredMa: limitMa };
  return enter(state, { ...phase, session, offer }, write, record(session));
}

/** A limit has been taken, by itself or with a start. */
export function limitWritten(
  state: ConnectorState,
  phase: Charging,
  limitMa: number,
  { now, facts }: Context,
): Decision {
  return enter(
    state,
    { ...phase, offer: offerTaken(phase.offer, limitMa, now.monoMs, facts.followsWithinMs) },
    { kind: 'poll-now' },
  );
}

export function limitWriteFailed(
  state: ConnectorState,
  phase: Charging,
  { write, limitMa }: Extract<Told, { limitMa: number }>,
  { now }: Context,
): Decision {
  const failed: Charging = { ...phase, offer: offerRefused(phase.offer, limitMa, now.monoMs) };
  return write === 'start' ? startAgain(state, failed) : enter(state, failed);
}

/** The pile was to go on after its restart, and has not been told: at the next look it is. */
export const startAgain = (state: ConnectorState, phase: Charging): Decision =>
  enter(state, { ...phase, mayHaveRestarted: true });

/** The surroundings have something else to say of a charge that runs: it is heard at once. */
export function chargingInfluenced(state: ConnectorState, phase: Charging, context: Context): Decision {
  const { session } = phase;
  const demand = demandOn(state, session, context);
  return demand === null
    ? steerOffer(state, phase, context)
    : beginStop(state, session, demandedStop(demand, session), context);
}
