/** Every zone offset of the present day is a multiple of a quarter of an hour. */
const QUARTER_MS = 900_000;
const MINUTE_MS = 60_000;

/** Asking costs half a millisecond, and every tariff that is read asks. One that is known stays known. */
const knownZones = new Set<string>();
/** More than there are; a name may be written in many ways. */
const MOST_KNOWN = 1000;

export function isKnownZone(zone: string): boolean {
  if (knownZones.has(zone)) return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    if (knownZones.size < MOST_KNOWN) knownZones.add(zone);
    return true;
  } catch {
    return false;
  }
}

/** What the clock on the wall of a place shows. */
export interface LocalTime {
  /** 0 to 1439. */
  readonly minuteOfDay: number;
  /** 1 (Monday) to 7, as ISO 8601 counts. */
  readonly weekday: number;
  /** 1 to 12. */
  readonly month: number;
  /** Such as 2026-10-01. */
  readonly date: string;
}

/** Local time in an IANA zone; the zone's table is asked once per quarter of an hour. */
export function localTimeIn(timezone: string): (atMs: number) => LocalTime {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  let startMs = Number.NaN;
  let atStart: LocalTime = { minuteOfDay: 0, weekday: 1, month: 1, date: '' };
  return (atMs) => {
    const quarterMs = Math.floor(atMs / QUARTER_MS) * QUARTER_MS;
    if (quarterMs !== startMs) {
      atStart = localTimeOf(format.formatToParts(quarterMs));
      startMs = quarterMs;
    }
    // A quarter of an hour of local time lies within one local day.
    const { weekday, month, date } = atStart;
    const minuteOfDay = atStart.minuteOfDay + Math.floor((atMs - startMs) / MINUTE_MS);
    return { minuteOfDay, weekday, month, date };
  };
}

function localTimeOf(parts: readonly Intl.DateTimeFormatPart[]): LocalTime {
  const read = (type: Intl.DateTimeFormatPartTypes) => parts.find((part) => part.type === type)?.value ?? '';
  const date = `${read('year')}-${read('month')}-${read('day')}`;
  return {
    minuteOfDay: Number(read('hour')) * 60 + Number(read('minute')),
    weekday: new Date(`${date}T00:00:00Z`).getUTCDay() || 7,
    month: Number(read('month')),
    date,
  };
}
