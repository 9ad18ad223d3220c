import { type LocalTime, localTimeIn } from '../local-time.ts';
import { type Band, type DayPlan, hasSeveralBands, type Tariff } from './tariff.ts';

const MINUTE_MS = 60_000;

/** A piece of absolute time within one price band. */
export interface BandPeriod {
  readonly fromMs: number;
  readonly toMs: number;
  readonly band: Band;
}

type LocalTimeAt = (atMs: number) => LocalTime;

const fits = ({ months, weekdays, dates }: DayPlan, { month, weekday, date }: LocalTime): boolean =>
  (months?.includes(month) ?? true) && (weekdays?.includes(weekday) ?? true) && (dates?.includes(date) ?? true);

/** The band in force at an instant. Local date and time only choose the band; they are never calculated with. */
export function bandAt(tariff: Tariff, atMs: number, localTime: LocalTimeAt = localTimeIn(tariff.timezone)): Band {
  const local = localTime(atMs);
  const { bands } = tariff.days?.find((plan) => fits(plan, local)) ?? tariff;
  const band = bands.findLast((candidate) => candidate.startMinute <= local.minuteOfDay);
  if (band === undefined) throw new RangeError(`tariff ${tariff.tariffId} has no band at minute ${local.minuteOfDay}`);
  return band;
}

/** The first instant after `afterMs` and before `untilMs` at which the band is another; null when there is none. */
export function nextBandChangeMs(
  tariff: Tariff,
  afterMs: number,
  untilMs: number,
  localTime: LocalTimeAt = localTimeIn(tariff.timezone),
): number | null {
  if (!hasSeveralBands(tariff)) return null;
  const band = bandAt(tariff, afterMs, localTime);
  for (let atMs = (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS; atMs < untilMs; atMs += MINUTE_MS) {
    if (bandAt(tariff, atMs, localTime) !== band) return atMs;
  }
  return null;
}

/**
 * Cuts absolute time where the price band changes. The repeated hour of autumn appears twice, the missing
 * hour of spring not at all, because only instants are walked.
 */
export function bandPeriods(tariff: Tariff, fromMs: number, toMs: number): BandPeriod[] {
  const localTime = localTimeIn(tariff.timezone);
  const periods: BandPeriod[] = [];
  for (let startMs = fromMs; ; ) {
    const endMs = nextBandChangeMs(tariff, startMs, toMs, localTime) ?? toMs;
    periods.push({ fromMs: startMs, toMs: endMs, band: bandAt(tariff, startMs, localTime) });
    if (endMs >= toMs) return periods;
    startMs = endMs;
  }
}
