import type { Stamp } from '#shared/stamp.ts';
import { BOUNDARY_TOLERANCE_MS } from '#shared/tariff/rate.ts';
import { type ConnectorState, type Context, sessionOf } from './connector.ts';
import { sessionTimeMs } from './session-axis.ts';

/** So long before the band changes the register is looked at as well: half of what still counts as taken at the change. */
const AHEAD_MS = BOUNDARY_TOLERANCE_MS / 2;

/** How a charge stands to the changes of its price band. */
export interface BandWatch {
  /** Until the pile is to be looked at because of one; null when none is near. */
  readonly lookInMs: number | null;
  /** A change is so near, or has just been, that the bill wants a reading of now. */
  readonly wantsRegister: boolean;
}

const unconcerned: BandWatch = { lookInMs: null, wantsRegister: false };

/**
 * A bill is split where the price band changes. What the register showed there is known when it is read shortly before and
 * at the change, however slowly pile and meter are read otherwise.
 *
 * @param withinMs when the pile is looked at next in any case
 */
export function watchBand(
  { phase }: ConnectorState,
  { now, bandChangeMs }: { now: Stamp; bandChangeMs: Context['bandChangeMs'] },
  withinMs: number,
): BandWatch {
  const session = phase.kind === 'closing' ? null : sessionOf(phase);
  const tariff = session?.tariff ?? null;
  if (session === null || tariff === null) return unconcerned;
  const nowMs = sessionTimeMs(session, now);
  const sinceMs = Math.max(session.lastReading.atMs, nowMs - BOUNDARY_TOLERANCE_MS);
  const changeMs = bandChangeMs(tariff, sinceMs, nowMs + Math.max(withinMs, 0) + AHEAD_MS + 1);
  if (changeMs === null) return unconcerned;
  const wantsRegister = changeMs <= nowMs + AHEAD_MS;
  const lookMs = wantsRegister ? changeMs : changeMs - AHEAD_MS;
  return { lookInMs: lookMs > nowMs ? lookMs - nowMs : null, wantsRegister };
}
