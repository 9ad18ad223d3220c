import type { ConnectorState } from '../control/connector.ts';
import { allowedMa, FOLLOWS_WITHIN_MS, isLagging, leastMa } from '../control/offer.ts';
import { delivers } from '../control/reading.ts';
import type { Demand } from './demand.ts';
import type { Outlet, PileFallback } from './network.ts';

/** A measured current that is so much above what is allowed is more than an error of the measurement. */
const MARGIN_MA = 500;
/** What a pile may take by its own fallback counts so long before it can. */
const FALLBACK_AHEAD_MS = 10_000;
/** A pile that has been silent for longer does not follow for the time being. */
const SILENT_AFTER_MS = 2000;

/**
 * The most that may flow at a connector at this moment, whatever it is granted.
 *
 * @param beforeMa what it counted with before; null: it has not been seen since the controller began
 */
export function mayTakeMa(
  state: ConnectorState,
  { maxMa, fallback }: Pick<Outlet, 'maxMa' | 'fallback'>,
  beforeMa: number | null,
  nowMonoMs: number,
): number {
  const { reading } = state;
  const seenMa = delivers(reading) ? (reading?.currentMa ?? maxMa) : 0;
  const ownMa = fallsBack(state, fallback, nowMonoMs) ? fallback.currentMa : 0;
  return Math.max(offeredMa(state, maxMa, fallback, beforeMa, nowMonoMs, seenMa), ownMa);
}

function offeredMa(
  state: ConnectorState,
  maxMa: number,
  fallback: PileFallback,
  beforeMa: number | null,
  nowMonoMs: number,
  seenMa: number,
): number {
  const { phase, reading } = state;
  const overdrawnMa = (ma: number) => (seenMa > ma + MARGIN_MA ? seenMa : ma);
  switch (phase.kind) {
    case 'charging':
      // A DC pile comes down more slowly than a vehicle follows: what is seen to flow counts as long as it does.
      return overdrawnMa(allowedMa(phase.offer, nowMonoMs));
    case 'starting':
      return overdrawnMa(phase.mostMa);
    case 'adopting':
      return Math.max(phase.session.limitMa, seenMa);
    case 'stopping':
      // What was offered last may flow until the stop is proven.
      if (phase.provenMonoMs === null)
        return Math.max(beforeMa ?? phase.session.limitMa, phase.session.offeredMa, seenMa);
      return unofferedMa();
    default:
      return unofferedMa();
  }
  /** Nobody offers anything: one that delivers does so by itself, and of one that is not seen nothing new is known. */
  function unofferedMa(): number {
    if (reading === null) return beforeMa ?? unknownMa(state, maxMa, fallback, nowMonoMs);
    return delivers(reading) ? Math.max(maxMa, seenMa) : 0;
  }
}

/** Of a pile that nobody has seen: what it may have been left with, until its own watchdog has come down. */
function unknownMa(
  { readingMonoMs }: ConnectorState,
  maxMa: number,
  fallback: PileFallback,
  nowMonoMs: number,
): number {
  const isDown = fallback.afterMs !== null && nowMonoMs - readingMonoMs >= fallback.afterMs + FOLLOWS_WITHIN_MS;
  return isDown ? fallback.currentMa : maxMa;
}

/** The pile has not been heard for so long that its own watchdog may be about to take over. */
function fallsBack({ reading, readingMonoMs }: ConnectorState, { afterMs }: PileFallback, nowMonoMs: number): boolean {
  if (reading !== null || afterMs === null) return false;
  return nowMonoMs - readingMonoMs >= Math.max(SILENT_AFTER_MS, afterMs - FALLBACK_AHEAD_MS);
}

/** One that delivers and does not tell its current takes all that it may. Of one that is not seen nothing is known to flow. */
function flowingMa({ reading }: ConnectorState, takesMa: number): number {
  return delivers(reading) ? (reading?.currentMa ?? takesMa) : 0;
}

/** What a connector asks of the supply. */
export function demandOf(state: ConnectorState, outlet: Outlet, takesMa: number, nowMonoMs: number): Demand {
  const { connectorId } = outlet;
  const { phase } = state;
  const flowsMa = flowingMa(state, takesMa);
  const about = { connectorId, mayTakeMa: takesMa, flowsMa, inForceMa: 0, isStarting: false, isFound: false };
  const ceilingMa = state.influence.ceilingMa ?? outlet.maxMa;
  switch (phase.kind) {
    case 'checking':
      return { ...about, wants: 'start', maxMa: Math.min(outlet.maxMa, ceilingMa), floorMa: takesMa };
    case 'preparing':
    case 'starting':
      return {
        ...about,
        wants: 'start',
        maxMa: Math.min(phase.session.limitMa, ceilingMa),
        floorMa: takesMa,
        isStarting: true,
      };
    case 'adopting':
      return {
        ...about,
        wants: 'charge',
        maxMa: Math.min(phase.session.limitMa, ceilingMa),
        inForceMa: phase.session.limitMa,
        floorMa: 0,
        isFound: true,
      };
    case 'charging': {
      const isSilent = state.reading === null && nowMonoMs - state.readingMonoMs >= SILENT_AFTER_MS;
      const floorMa = isSilent || isLagging(phase.offer, nowMonoMs) ? takesMa : 0;
      const maxMa = Math.min(phase.session.limitMa, ceilingMa);
      return { ...about, wants: 'charge', maxMa, inForceMa: leastMa(phase.offer), floorMa };
    }
    case 'stopping': {
      // What it takes is about to be free: nobody gets it before that is proven, and nobody has to make room for it.
      const isUnderWay = state.reading !== null && nowMonoMs - phase.ladder.startedMonoMs < FOLLOWS_WITHIN_MS;
      return { ...about, wants: 'nothing', maxMa: 0, floorMa: isUnderWay ? 0 : takesMa };
    }
    default:
      return { ...about, wants: 'nothing', maxMa: 0, floorMa: takesMa };
  }
}
