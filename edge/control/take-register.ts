import { type ConnectorState, type Context, sessionOf } from './connector.ts';
import { track } from './meter-track.ts';
import { resumedTrack, type Session, withFindings, withReading } from './session.ts';

export interface TakenRegister {
  readonly state: ConnectorState;
  /** The register reads as it did the time before. */
  readonly cameToRest: boolean;
  /** The register has left its course or found another: a restart must not have to find that out again. */
  readonly mustStore: boolean;
}

/** Puts what the energy register shows into the session; what cannot be true is marked and not billed. */
export function takeRegister(state: ConnectorState, context: Context): TakenRegister {
  const { reading, phase } = state;
  const { now, facts } = context;
  const session = phase.kind === 'closing' ? null : sessionOf(phase);
  const before = state.track ?? (session === null ? null : resumedTrack(session, now));
  if (reading === null) return { state: { ...state, track: before }, cameToRest: false, mustStore: false };
  const limits = { energy: facts.energy, maxPowerW: facts.maxPowerW, inSession: session !== null };
  const tracked = track(before, reading, now.monoMs, limits);
  const next: ConnectorState = { ...state, track: tracked.track };
  if (session === null || tracked.track === null) return { state: next, cameToRest: true, mustStore: false };
  const found = withFindings(session, tracked, facts.energy.kind, before, now);
  const { registerWh } = tracked;
  const bandChanged = (fromMs: number, toMs: number) => context.bandChanged(session.tariff, fromMs, toMs);
  const hasLeft = before?.doubt === null && tracked.track.doubt !== null;
  return {
    state: withSession(next, registerWh === null ? found : withReading(found, registerWh, now, bandChanged)),
    cameToRest: session.lastReading.registerWh === registerWh,
    // A meter that has gone mad does not wear out the disk.
    mustStore: (hasLeft || tracked.findings.length > 0) && found.meter.eventsLeftOut === 0,
  };
}

/** The same phase with another state of its session. */
export function withSession(state: ConnectorState, session: Session): ConnectorState {
  return 'session' in state.phase ? { ...state, phase: { ...state.phase, session } } : state;
}
