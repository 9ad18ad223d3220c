import { type Objection, objectionOf } from './influence.ts';
import { type MeterLimits, type MeterTrack, stuckAtWh } from './meter-track.ts';

/** Measured power must have been without a trace in the register for this long. */
const STUCK_FOR_S = 60;
/** Longer than any glitch, and than it takes to tell a reset by three looks at the slowest meter. */
const BACKWARD_AFTER_MS = 60_000;
/** What a silent meter has missed its register still knows; a meter that stays away has no such promise. */
const SILENT_AFTER_MS = 600_000;

/** Why a charge cannot go on with this meter: what flows would not be counted. Null when it can. */
export function meterFault(track: MeterTrack | null, nowMonoMs: number, limits: MeterLimits): Objection | null {
  if (track === null) return null;
  const { unmovedWh, powerW, doubt, rawWh, monoMs, watchedFromMonoMs } = track;
  // What has ended since needs no stop: its register may only be late.
  const isStuck = powerW > 0 && unmovedWh >= stuckAtWh(limits) && unmovedWh * 3600 >= powerW * STUCK_FOR_S;
  if (isStuck) return { fault: 'meter-stuck', detail: `stays at ${rawWh} Wh while ${powerW} W are measured` };
  const unbelievedMs = nowMonoMs - Math.max(monoMs, watchedFromMonoMs);
  if (doubt !== null && doubt.firstRawWh < rawWh && unbelievedMs >= BACKWARD_AFTER_MS)
    return { fault: 'meter-backward', detail: `was at ${rawWh} Wh and shows ${doubt.rawWh} Wh` };
  if (unbelievedMs < SILENT_AFTER_MS) return null;
  return objectionOf('measurement-missing');
}
