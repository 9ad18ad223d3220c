import { type ConnectorFacts, type ConnectorState, type Context, sessionOf } from './connector.ts';
import { type MeterLimits, track } from './meter-track.ts';
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
  const before = state.track ?? (phase.kind === 'adopting' ? resumedTrack(phase.session, phase.outage, now) : null);
  if (reading === null) return { state: { ...state, track: before }, cameToRest: false, mustStore: false };
  const tracked = track(before, reading, now.monoMs, meterLimits(facts, session !== null));
  const next: ConnectorState = { ...state, track: tracked.track };
  if (session === null || tracked.track === null) return { state: next, cameToRest: true, mustStore: false };
  const found = withFindings(session, tracked, facts.energy.kind, before, now);
  const { registerWh } = tracked;
  const { tariff } = session;
  const bandChanged = (fromMs: number, toMs: number) =>
    tariff !== null && context.bandChangeMs(tariff, fromMs, toMs + 1) !== null;
  const hasLeft = before?.doubt === null && tracked.track.doubt !== null;
  return {
    state: withSession(next, registerWh === null ? found : withReading(found, registerWh, now, bandChanged)),
    cameToRest: session.lastReading.registerWh === registerWh,
    // A meter that has gone mad does not wear out the disk.
    mustStore: (hasLeft || tracked.findings.length > 0) && found.meter.eventsLeftOut === 0,
  };
}

/** What the energy register of this connector can do. */
export const meterLimits = ({ energy, maxPowerW }: ConnectorFacts, inSession: boolean): MeterLimits => ({
  energy,
  maxPowerW,
  inSession,
});

/** The same phase with another state of its session. */
export function withSession(state: ConnectorState, session: Session): ConnectorState {
  return 'session' in state.phase ? { ...state, phase: { ...state.phase, session } } : state;
}
