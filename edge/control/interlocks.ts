import { type FaultCode, faultCatalogue } from '#shared/faults.ts';
import { type Objection, objectionOf } from './influence.ts';
import { delivers, faultIn, type Reading, STOPPED_BELOW_MA } from './reading.ts';

/** Limits of what a pile may show. They come from law and profile; configuration can only tighten them. */
export interface InterlockLimits {
  /** What is offered at present, in mA a phase. */
  readonly limitMa: number;
  /** The most that the pile can deliver. */
  readonly maxPowerW: number;
  readonly overTemperatureDc: number | null;
  readonly overVoltageMv: number | null;
  readonly underVoltageMv: number | null;
}

/** What lasts, on the monotonic clock. */
export interface InterlockState {
  /** Since when a condition has been there without a break. */
  readonly sinceMs: Readonly<Partial<Record<FaultCode, number>>>;
  /** When the voltage was last outside its limits; null when it never was. */
  readonly voltageFaultMs: number | null;
  /** When it was last outside, or near enough to it after that not to count as back; null when it never was. */
  readonly voltageUnsettledMs: number | null;
  readonly lastReadingMs: number;
  /** When the current was told last; the voltage, or nothing was delivered; the temperature, or nobody judges by it. */
  readonly lastCurrentMs: number;
  readonly lastVoltageMs: number;
  readonly lastTemperatureMs: number;
}

/** Data older than this is missing data, and missing data is unsafe. */
export const COMMUNICATION_LOST_AFTER_MS = 5000;
/** GB/T 18487.1 A.3.10.7: more than 1.1 times the rated current, here of the offer, for 2 s. */
const OVER_CURRENT_RATIO = 1.1;
const OVER_CURRENT_DEBOUNCE_MS = 2000;
/** Less than that, and more than measuring errors explain, warms a cable up in a minute. */
const OVERLOAD_RATIO = 1.05;
const OVERLOAD_MARGIN_MA = 500;
const OVERLOAD_DEBOUNCE_MS = 60_000;
/** Firmware of AC piles after GB/T 18487.1: voltage outside its limits for 3 s; back when 10 V inside them for 5 s. */
const VOLTAGE_DEBOUNCE_MS = 3000;
const VOLTAGE_HYSTERESIS_MV = 10_000;
const VOLTAGE_RECOVERED_AFTER_MS = 5000;
/** Mains that stay between the two for so long are legal mains near their limit, and no recovery any more. */
const VOLTAGE_UNSETTLED_FOR_MS = 300_000;
/** A contact that opens for less than this is a bounce, not an unplugged gun (GB/T 18487.1 state 1′ to 1). */
const GUN_REMOVED_DEBOUNCE_MS = 1000;

/** Something that a reading can show. `untold`: the reading does not say, so what was so before is still so. */
interface Condition {
  readonly fault: FaultCode;
  readonly debounceMs: number;
  readonly isThere: (reading: Reading, limits: InterlockLimits) => boolean | 'untold';
}

/** The gravest first. */
const conditions: readonly Condition[] = [
  {
    fault: 'over-temperature',
    debounceMs: 0,
    isThere: ({ temperatureDc }, { overTemperatureDc }) => {
      if (overTemperatureDc === null) return false;
      return temperatureDc === null ? 'untold' : temperatureDc >= overTemperatureDc;
    },
  },
  {
    fault: 'over-current',
    debounceMs: OVER_CURRENT_DEBOUNCE_MS,
    // Nobody knows whether a peak is over that cannot be seen any more.
    isThere: ({ currentMa }, { limitMa }) =>
      currentMa === null ? 'untold' : currentMa > Math.max(limitMa * OVER_CURRENT_RATIO, STOPPED_BELOW_MA),
  },
  {
    fault: 'over-voltage',
    debounceMs: VOLTAGE_DEBOUNCE_MS,
    isThere: (reading, { overVoltageMv }) => outside(reading, { overVoltageMv, underVoltageMv: null }),
  },
  {
    fault: 'under-voltage',
    debounceMs: VOLTAGE_DEBOUNCE_MS,
    isThere: (reading, { underVoltageMv }) => outside(reading, { overVoltageMv: null, underVoltageMv }),
  },
  {
    fault: 'overload',
    debounceMs: OVERLOAD_DEBOUNCE_MS,
    isThere: ({ currentMa, powerW }, { limitMa, maxPowerW }) =>
      currentMa === null && powerW === null
        ? 'untold'
        : (currentMa ?? 0) > Math.max(limitMa * OVERLOAD_RATIO, limitMa + OVERLOAD_MARGIN_MA, STOPPED_BELOW_MA) ||
          (powerW ?? 0) > maxPowerW * OVERLOAD_RATIO,
  },
  {
    fault: 'gun-removed',
    debounceMs: GUN_REMOVED_DEBOUNCE_MS,
    isThere: ({ status }) => status === 'unplugged',
  },
];

type VoltageLimits = Pick<InterlockLimits, 'overVoltageMv' | 'underVoltageMv'>;

/** Many piles show none behind a contactor that is open: while nothing is delivered, that says nothing of the mains. */
function outside(reading: Reading, limits: VoltageLimits): boolean | 'untold' {
  if (reading.voltageMv === null) return delivers(reading) ? 'untold' : false;
  return isBeyond(reading.voltageMv, limits, 0);
}

const isBeyond = (
  { lowest, highest }: NonNullable<Reading['voltageMv']>,
  { overVoltageMv, underVoltageMv }: VoltageLimits,
  marginMv: number,
): boolean =>
  (overVoltageMv !== null && highest > overVoltageMv - marginMv) ||
  (underVoltageMv !== null && lowest < underVoltageMv + marginMv);

export const freshInterlocks = (nowMonoMs: number): InterlockState => ({
  sinceMs: {},
  voltageFaultMs: null,
  voltageUnsettledMs: null,
  lastReadingMs: nowMonoMs,
  lastCurrentMs: nowMonoMs,
  lastVoltageMs: nowMonoMs,
  lastTemperatureMs: nowMonoMs,
});

/** A charge begins: what was before it counts no more, but the mains have a memory. */
export const renewedInterlocks = (
  { voltageFaultMs, voltageUnsettledMs }: InterlockState,
  nowMonoMs: number,
): InterlockState => ({
  ...freshInterlocks(nowMonoMs),
  voltageFaultMs,
  voltageUnsettledMs,
});

/** Takes a reading to notice, whether anything may flow or not. */
export function notice(
  state: InterlockState,
  reading: Reading,
  limits: InterlockLimits,
  nowMonoMs: number,
): InterlockState {
  const sinceMs: Partial<Record<FaultCode, number>> = {};
  for (const { fault, isThere } of conditions) {
    const before = state.sinceMs[fault];
    const found = isThere(reading, limits);
    if (found === 'untold' ? before !== undefined : found) sinceMs[fault] = before ?? nowMonoMs;
  }
  const { overVoltageMv, underVoltageMv, overTemperatureDc } = limits;
  const isVoltageOwed = (overVoltageMv !== null || underVoltageMv !== null) && delivers(reading);
  const isTemperatureOwed = overTemperatureDc !== null;
  return {
    sinceMs,
    ...mains(state, reading, limits, nowMonoMs),
    lastReadingMs: nowMonoMs,
    lastCurrentMs: reading.currentMa === null ? state.lastCurrentMs : nowMonoMs,
    lastVoltageMs: reading.voltageMv === null && isVoltageOwed ? state.lastVoltageMs : nowMonoMs,
    lastTemperatureMs: reading.temperatureDc === null && isTemperatureOwed ? state.lastTemperatureMs : nowMonoMs,
  };
}

/** What is remembered of the mains beyond a charge. */
function mains(
  state: InterlockState,
  { voltageMv }: Reading,
  limits: VoltageLimits,
  nowMonoMs: number,
): Pick<InterlockState, 'voltageFaultMs' | 'voltageUnsettledMs'> {
  const { voltageFaultMs: faultMs, voltageUnsettledMs } = state;
  if (voltageMv === null) return { voltageFaultMs: faultMs, voltageUnsettledMs };
  const voltageFaultMs = isBeyond(voltageMv, limits, 0) ? nowMonoMs : faultMs;
  const isSettling = voltageFaultMs !== null && nowMonoMs - voltageFaultMs < VOLTAGE_UNSETTLED_FOR_MS;
  const isUnsettled = isSettling && isBeyond(voltageMv, limits, VOLTAGE_HYSTERESIS_MV);
  return { voltageFaultMs, voltageUnsettledMs: isUnsettled ? nowMonoMs : voltageUnsettledMs };
}

/**
 * What must stop a charge now; null when nothing. Asked at every poll of a connector that may deliver: `reading` is the
 * one that has just been noticed, or null when the poll failed. Built in: no configuration and no rule can switch it
 * off.
 */
export function tripped(
  state: InterlockState,
  reading: Reading | null,
  limits: InterlockLimits,
  nowMonoMs: number,
): Objection | null {
  const reported = reading === null ? null : reportedBy(reading);
  if (reported !== null) return reported;
  // Only what this reading itself shows: a value that is not told has its own time limit.
  const shown = reading === null ? [] : conditions.filter(({ isThere }) => isThere(reading, limits) === true);
  const lasting = shown.filter(hasLasted(state, nowMonoMs)).map(({ fault }) => fault);
  // Of a gun that is out and a value that is missing, the missing value is the graver.
  const [gravest = null] = lasting.filter((fault) => fault !== 'gun-removed');
  const fault = gravest ?? tooOld(state, nowMonoMs) ?? lasting[0] ?? null;
  return fault === null ? null : objectionOf(fault);
}

const hasLasted =
  ({ sinceMs }: InterlockState, nowMonoMs: number) =>
  ({ fault, debounceMs }: Condition): boolean => {
    const since = sinceMs[fault];
    return since !== undefined && nowMonoMs - since >= debounceMs;
  };

/** What a new charge must not begin with, however short it has been there; null when there is nothing. */
export function standsAgainstStart(state: InterlockState, reading: Reading, nowMonoMs: number): Objection | null {
  const reported = reportedBy(reading);
  if (reported !== null) return reported;
  const present = conditions.find(({ fault }) => state.sinceMs[fault] !== undefined);
  if (present !== undefined) return objectionOf(present.fault);
  const { voltageUnsettledMs, lastTemperatureMs, lastReadingMs } = state;
  if (lastTemperatureMs < lastReadingMs)
    return { fault: 'measurement-missing', detail: 'the pile does not tell its temperature' };
  const isRecovering = voltageUnsettledMs !== null && nowMonoMs - voltageUnsettledMs < VOLTAGE_RECOVERED_AFTER_MS;
  return isRecovering ? { fault: 'voltage-fault', detail: 'the voltage has only just come back' } : null;
}

/** What the pile itself says is wrong, with its own code for it. */
export function reportedBy(reading: Reading): Objection | null {
  const fault = faultIn(reading);
  if (fault === null) return null;
  const code = reading.faultDetail === null ? '' : ` (${reading.faultDetail})`;
  return { fault, detail: `${faultCatalogue[fault].en}${code}` };
}

/** What is wrong when the last that was told is too old to be relied on. */
function tooOld(state: InterlockState, nowMonoMs: number): FaultCode | null {
  const isOld = (sinceMs: number) => nowMonoMs - sinceMs >= COMMUNICATION_LOST_AFTER_MS;
  if (isOld(state.lastReadingMs)) return 'communication-lost';
  return isOld(Math.min(state.lastCurrentMs, state.lastVoltageMs, state.lastTemperatureMs))
    ? 'measurement-missing'
    : null;
}
