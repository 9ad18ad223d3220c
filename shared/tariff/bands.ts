import type { Band, Tariff } from './tariff.ts';

const MINUTE_MS = 60_000;
/** Every zone offset of the present day is a multiple of a quarter of an hour. */
const QUARTER_MS = 15 * MINUTE_MS;
const MINUTES_PER_DAY = 1440;

/** A piece of absolute time within one price band. */
export interface BandPeriod {
  readonly fromMs: number;
  readonly toMs: number;
  readonly band: Band;
}

/** The zone's minute of the local day at an instant. */
export type LocalMinute = (atMs: number) => number;

/** A local-minute function for an IANA zone that asks the zone table once per quarter of an hour. */
export function localMinuteIn(timezone: string): LocalMinute {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  let quarterStartMs = Number.NaN;
  let quarterMinute = 0;
  return (atMs) => {
    const startMs = Math.floor(atMs / QUARTER_MS) * QUARTER_MS;
    if (startMs !== quarterStartMs) {
      const parts = format.formatToParts(startMs);
      const read = (type: 'hour' | 'minute') => Number(parts.find((part) => part.type === type)?.value);
      quarterMinute = read('hour') * 60 + read('minute');
      quarterStartMs = startMs;
    }
    return (quarterMinute + Math.floor((atMs - startMs) / MINUTE_MS)) % MINUTES_PER_DAY;
  };
}

/** The band in force at an instant. Local time only chooses the band; it is never calculated with. */
export function bandAt(tariff: Tariff, atMs: number, localMinute: LocalMinute = localMinuteIn(tariff.timezone)): Band {
  const minute = localMinute(atMs);
  const band = tariff.bands.findLast((candidate) => candidate.startMinute <= minute);
  if (band === undefined) throw new RangeError(`tariff ${tariff.tariffId} has no band at minute ${minute}`);
  return band;
}

/**
 * Cuts absolute time where the price band changes. The repeated hour of autumn appears twice, the missing
 * hour of spring not at all, because only instants are walked.
 */
export function bandPeriods(tariff: Tariff, fromMs: number, toMs: number): BandPeriod[] {
  const localMinute = localMinuteIn(tariff.timezone);
  const periods: BandPeriod[] = [];
  let startMs = fromMs;
  let band = bandAt(tariff, fromMs, localMinute);
  for (let atMs = (Math.floor(fromMs / MINUTE_MS) + 1) * MINUTE_MS; atMs < toMs; atMs += MINUTE_MS) {
    const next = bandAt(tariff, atMs, localMinute);
    if (next !== band) {
      periods.push({ fromMs: startMs, toMs: atMs, band });
      startMs = atMs;
      band = next;
    }
  }
  periods.push({ fromMs: startMs, toMs, band });
  return periods;
}
