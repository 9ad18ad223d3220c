import { localMinuteIn } from '#shared/tariff/bands.ts';

/** Every zone offset of the present day is a multiple of a quarter of an hour. */
const QUARTER_MS = 900_000;
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

export function isKnownZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** Minute of the local day, 0 to 1439, and day of the week, 1 (Monday) to 7, as ISO 8601 counts. */
export interface LocalTime {
  readonly minuteOfDay: number;
  readonly weekday: number;
}

/** Local time in an IANA zone; the zone's table is asked once per quarter of an hour. */
export function localTimeIn(timezone: string): (atMs: number) => LocalTime {
  const localMinute = localMinuteIn(timezone);
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, weekday: 'short' });
  let quarter = Number.NaN;
  let weekday = 0;
  return (atMs) => {
    if (Math.floor(atMs / QUARTER_MS) !== quarter) {
      quarter = Math.floor(atMs / QUARTER_MS);
      weekday = WEEKDAYS.indexOf(format.format(quarter * QUARTER_MS)) + 1;
    }
    return { minuteOfDay: localMinute(atMs), weekday };
  };
}
