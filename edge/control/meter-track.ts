import type { MeterEvent } from '#shared/wire/cdr.ts';
import { type Doubt, doubted, type Look, plausibleRiseWh, settle, stepAllowanceWh, withLook } from './meter-doubt.ts';
import type { Reading } from './reading.ts';

/** What the profile says of the energy register. */
export interface EnergyRegister {
  /** When the register begins again at 0 by itself: never, when the pile is powered up, or with each charge. */
  readonly kind: 'cumulative' | 'since-power-on' | 'per-session';
  /** The count at which it begins again at 0; null when that is unknown or never. */
  readonly rollsOverAtWh: number | null;
  /** The least that it can show. */
  readonly resolutionWh: number;
}

export interface MeterLimits {
  readonly energy: EnergyRegister;
  /** The most that the pile can deliver. */
  readonly maxPowerW: number;
  /** A charge is being counted. */
  readonly inSession: boolean;
}

/** Something that the register did, without the time on the session's axis. */
export type MeterFinding = Omit<MeterEvent, 'atMs'>;

/**
 * What is believed of an energy register. `rawWh` is as shown by the pile; `rawWh + offsetWh` is on an axis that never
 * falls and that only energy moves, so that the energy of a charge is its end less its start.
 */
export interface MeterTrack {
  readonly meterId: string | null;
  readonly rawWh: number;
  readonly offsetWh: number;
  readonly monoMs: number;
  /** Values that are not believed, and may turn out to be the register's new course. */
  readonly doubt: Doubt | null;
  /** Power as measured since the last believed look, and energy by it since the register last moved; both at the least. */
  readonly powerW: number;
  readonly unmovedWh: number;
  /** The pile answers but does not tell the register. */
  readonly silence: { readonly sinceMonoMs: number; readonly told: boolean } | null;
  /** Since when this process has been looking. */
  readonly watchedFromMonoMs: number;
  /** How long nobody may have looked before that, when no clock can tell; null when that is known. */
  readonly unseenMs: number | null;
}

export interface Tracked {
  readonly track: MeterTrack | null;
  /** On the axis; null when this look gave no value that is believed. */
  readonly registerWh: number | null;
  readonly findings: readonly MeterFinding[];
}

/** A pile that charges and tells no register for this long is marked. */
const MISSING_AFTER_MS = 10_000;
/** How many steps a register may be behind the measured power before it counts as stuck. */
const STUCK_STEPS = 3;
/** The lowest mains voltage: EN 50160, 230 V − 10 %. */
const MIN_PHASE_VOLTAGE = 207;
/** Longer between two looks at a register, and nobody knows what flowed. A slow meter is read every 3 s, now and then in vain. */
const MEASURED_WITHIN_MS = 15_000;
/** A meter need not count what the electronics of the pile take for themselves. */
const LEAST_CHARGING_W = 100;

/**
 * Turns one look at an energy register into energy that can be billed. A value is believed when it rises no faster than
 * the pile can deliver. Anything else is kept in doubt, billed to nobody, until the register is back on its course or
 * has stayed on another for so long that it must have rolled over, been reset or been replaced.
 */
export function track(before: MeterTrack | null, reading: Reading, monoMs: number, limits: MeterLimits): Tracked {
  const rawWh = reading.registerWh;
  // A register counts up from 0: below it there is nothing to believe.
  if (rawWh === null || rawWh < 0) return untold(before, reading, monoMs, limits);
  if (before === null) return believe(firstTrack(rawWh, reading.meterId, monoMs));
  const look: Look = { rawWh, monoMs };
  const heard: MeterTrack = { ...before, meterId: reading.meterId ?? before.meterId, silence: null };
  const isOther = before.meterId !== null && reading.meterId !== null && before.meterId !== reading.meterId;
  if (isOther) return rebase(heard, look, { kind: 'replaced', creditedWh: 0 });
  const { doubt } = heard;
  const riseWh = plausibleRiseWh(heard.monoMs, monoMs, limits) + heard.unmovedWh;
  const isOnCourse = rawWh >= heard.rawWh && rawWh <= heard.rawWh + riseWh;
  const followed = doubt === null ? null : withLook(doubt, look, limits);
  // A jump does not become true only because there has been time for it since.
  const isStillAbove = followed !== null && followed.firstRawWh > heard.rawWh;
  if (isOnCourse && !isStillAbove) return onCourse(heard, look, powerOf(reading, limits), limits);
  const next: MeterTrack = { ...heard, powerW: 0, doubt: followed ?? doubted(look) };
  const verdict = followed === null ? null : settle(heard, followed, limits);
  return verdict === null ? { track: next, registerWh: null, findings: [] } : rebase(heard, look, verdict);
}

/** Energy by measured power that a register must have shown something of. */
export const stuckAtWh = (limits: MeterLimits): number =>
  STUCK_STEPS * limits.energy.resolutionWh + stepAllowanceWh(limits);

export function firstTrack(rawWh: number, meterId: string | null, monoMs: number): MeterTrack {
  return {
    meterId,
    rawWh,
    offsetWh: 0,
    monoMs,
    doubt: null,
    powerW: 0,
    unmovedWh: 0,
    silence: null,
    watchedFromMonoMs: monoMs,
    unseenMs: null,
  };
}

/** The finding that is left when a charge ends while the register is in doubt: its last believed value stands. */
export function unsettled({ rawWh, doubt }: MeterTrack): MeterFinding | null {
  return doubt === null ? null : offCourse(rawWh, doubt);
}

const offCourse = (fromRawWh: number, { firstRawWh }: Doubt): MeterFinding => ({
  kind: firstRawWh > fromRawWh ? 'glitch' : 'backward',
  fromRawWh,
  toRawWh: firstRawWh,
  creditedWh: 0,
});

const believe = (believed: MeterTrack, findings: readonly MeterFinding[] = []): Tracked => ({
  track: believed,
  registerWh: believed.rawWh + believed.offsetWh,
  findings,
});

function onCourse(before: MeterTrack, look: Look, powerW: number, limits: MeterLimits): Tracked {
  const elapsedMs = Math.max(0, look.monoMs - before.monoMs);
  const isWatched = elapsedMs <= MEASURED_WITHIN_MS;
  const measuredWh = isWatched ? (Math.min(before.powerW, powerW) * elapsedMs) / 3_600_000 : 0;
  const unmovedWh = look.rawWh === before.rawWh ? before.unmovedWh + measuredWh : 0;
  const stuckWh = stuckAtWh(limits);
  const findings: MeterFinding[] = before.doubt === null ? [] : [offCourse(before.rawWh, before.doubt)];
  if (before.unmovedWh < stuckWh && unmovedWh >= stuckWh) {
    findings.push({ kind: 'stuck', fromRawWh: before.rawWh, toRawWh: look.rawWh, creditedWh: 0 });
  }
  return believe({ ...before, ...look, doubt: null, powerW, unmovedWh, unseenMs: null }, findings);
}

/** Counts on from here; of the step itself no more is taken than `creditedWh`. */
function rebase(before: MeterTrack, look: Look, verdict: Pick<MeterFinding, 'kind' | 'creditedWh'>): Tracked {
  const offsetWh = before.rawWh + before.offsetWh + verdict.creditedWh - look.rawWh;
  const finding: MeterFinding = { ...verdict, fromRawWh: before.rawWh, toRawWh: look.rawWh };
  return believe({ ...before, ...look, offsetWh, doubt: null, powerW: 0, unmovedWh: 0, unseenMs: null }, [finding]);
}

function untold(before: MeterTrack | null, reading: Reading, monoMs: number, limits: MeterLimits): Tracked {
  if (before === null) return { track: null, registerWh: null, findings: [] };
  const { sinceMonoMs, told } = before.silence ?? { sinceMonoMs: monoMs, told: false };
  const isMissing = !told && reading.status === 'charging' && monoMs - sinceMonoMs > MISSING_AFTER_MS;
  const findings: MeterFinding[] = isMissing
    ? [{ kind: 'missing', fromRawWh: before.rawWh, toRawWh: null, creditedWh: 0 }]
    : [];
  const silence = { sinceMonoMs, told: told || isMissing };
  // A meter that is slower than its pile leaves looks without it: what is measured at them counts as well.
  const powerW = Math.min(before.powerW, powerOf(reading, limits));
  return { track: { ...before, powerW, silence }, registerWh: null, findings };
}

/** The least power that the reading speaks of: 0 unless the pile says that it charges. */
function powerOf({ status, powerW, currentMa }: Reading, limits: MeterLimits): number {
  if (status !== 'charging') return 0;
  const measuredW = powerW ?? ((currentMa ?? 0) * MIN_PHASE_VOLTAGE) / 1000;
  return measuredW < LEAST_CHARGING_W ? 0 : Math.min(measuredW, limits.maxPowerW);
}
