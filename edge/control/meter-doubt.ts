import type { MeterFinding, MeterLimits, MeterTrack } from './meter-track.ts';
import { creditedRiseWh } from './outage.ts';

/** One value of an energy register as the pile shows it. */
export interface Look {
  readonly rawWh: number;
  readonly monoMs: number;
}

/** A course that the register has taken aside from what is believed. */
export interface Doubt extends Look {
  readonly firstRawWh: number;
  readonly sinceMonoMs: number;
  readonly looks: number;
}

/** Room for a register that is updated late and in steps. */
const STEP_ALLOWANCE_WH = 20;
/** A course that has held for so many looks and so long is no glitch. A stopped pile is read for as long as that. */
const SETTLED_LOOKS = 3;
const SETTLED_AFTER_MS = 5000;

/** A register that counts in coarser steps takes them whole. */
export const stepAllowanceWh = ({ energy }: MeterLimits): number => Math.max(STEP_ALLOWANCE_WH, energy.resolutionWh);

/** The most that a register can have risen between two looks. */
export function plausibleRiseWh(fromMonoMs: number, toMonoMs: number, limits: MeterLimits): number {
  return (limits.maxPowerW * Math.max(0, toMonoMs - fromMonoMs)) / 3_600_000 + stepAllowanceWh(limits);
}

export const doubted = (look: Look): Doubt => ({
  ...look,
  firstRawWh: look.rawWh,
  sinceMonoMs: look.monoMs,
  looks: 1,
});

/** The same course one look further, or null when this value does not follow from it. */
export function withLook(doubt: Doubt, look: Look, limits: MeterLimits): Doubt | null {
  const riseWh = look.rawWh - doubt.rawWh;
  const follows = riseWh >= 0 && riseWh <= plausibleRiseWh(doubt.monoMs, look.monoMs, limits);
  return follows ? { ...doubt, ...look, looks: doubt.looks + 1 } : null;
}

/**
 * What the register's new course must be, or null while that cannot be told. What it has counted on the new course
 * is energy; of the step onto it only a rollover, a reset that the profile expects, and a rise over a time that no clock
 * can tell say how much that was.
 */
export function settle(
  believed: Pick<MeterTrack, 'rawWh' | 'monoMs' | 'unmovedWh' | 'unseenMs'>,
  doubt: Doubt,
  limits: MeterLimits,
): Pick<MeterFinding, 'kind' | 'creditedWh'> | null {
  if (doubt.looks < SETTLED_LOOKS || doubt.monoMs - doubt.sinceMonoMs < SETTLED_AFTER_MS) return null;
  const { kind, rollsOverAtWh } = limits.energy;
  const countedWh = doubt.rawWh - doubt.firstRawWh;
  if (doubt.firstRawWh > believed.rawWh) {
    const unseenWh = creditedRiseWh(doubt.firstRawWh - believed.rawWh, believed.unseenMs ?? 0, limits.maxPowerW);
    return { kind: 'jump', creditedWh: unseenWh + countedWh };
  }
  const mostWh = plausibleRiseWh(believed.monoMs, doubt.sinceMonoMs, limits) + believed.unmovedWh;
  const wrappedWh = rollsOverAtWh === null ? null : rollsOverAtWh - believed.rawWh + doubt.firstRawWh;
  if (wrappedWh !== null && wrappedWh >= 0 && wrappedWh <= mostWh) {
    return { kind: 'rollover', creditedWh: wrappedWh + countedWh };
  }
  const isNearZero = doubt.firstRawWh <= mostWh;
  if (isNearZero && kind !== 'cumulative') return { kind: 'reset', creditedWh: doubt.rawWh };
  // So short a fall undoes a rise that was just short enough to be believed: it is waited for to be made up.
  if (limits.inSession && believed.rawWh - doubt.firstRawWh <= stepAllowanceWh(limits)) return null;
  return { kind: isNearZero ? 'reset' : 'replaced', creditedWh: countedWh };
}
