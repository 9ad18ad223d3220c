import { type MeterReading, rate } from '#shared/tariff/rate.ts';
import { DEMO_TARIFF } from '../../scripts/start/station.ts';
import { median, round, timeMs } from './measure.ts';

const ROUNDS = 9;
const CHARGES = 200;
const HOUR_MS = 3_600_000;

function charge(startMs: number, hours: number): MeterReading[] {
  return Array.from({ length: hours + 1 }, (_, hour) => ({
    atMs: startMs + hour * HOUR_MS,
    registerWh: 1_000_000 + hour * 7001,
    quality: 'measured' as const,
  }));
}

/** How long it takes to price a charge of one hour, and one of a day through every band. */
export function rating(): Promise<Record<string, number>> {
  const startMs = Date.UTC(2026, 5, 1, 3, 17);
  const usPerCharge = (hours: number) =>
    median(
      Array.from({ length: ROUNDS }, () => {
        const readings = charge(startMs, hours);
        const ms = timeMs(() => {
          for (let i = 0; i < CHARGES; i += 1) rate(DEMO_TARIFF, readings);
        });
        return (ms * 1000) / CHARGES;
      }),
    );
  return Promise.resolve({ rate_us_one_hour: round(usPerCharge(1)), rate_us_one_day: round(usPerCharge(24)) });
}
