import type { z } from 'zod';
import { LONGEST_RATED_MS, rate } from '#shared/tariff/rate.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import { iso } from '../http/iso.ts';
import { ageMs } from '../stations/freshness.ts';
import { moneyView } from './bill-view.ts';
import type { progressSchema } from './schemas.ts';

export interface LiveReading {
  /** Energy of this session so far. Null: the pile does not tell. */
  readonly energyWh: number | null;
  readonly powerW: number | null;
  readonly socPercent: number | null;
  readonly observedAtMs: number;
  readonly observationAgeMs: number;
  readonly receivedAtMs: number;
}

export interface RunningCharge {
  readonly startedAtMs: number;
  readonly meterStartWh: number;
  readonly tariff: Tariff | null;
  /** For how long the connector had been held for it; null: nobody had reserved it. */
  readonly heldMs: number | null;
}

/** How a running charge is getting on, priced with its own tariff. Without a tariff or energy there is no price. */
export function progressOf(charge: RunningCharge, live: LiveReading, nowMs: number): z.infer<typeof progressSchema> {
  return {
    energy_wh: live.energyWh,
    power_w: live.powerW,
    soc_percent: live.socPercent,
    cost_so_far: costSoFar(charge, live),
    observed_at: iso(live.observedAtMs),
    freshness_s: ageMs(live, nowMs) / 1000,
  };
}

/** A site whose clock is far ahead tells of a charge that has lasted longer than any: nobody knows what it costs so far. */
function costSoFar({ tariff, startedAtMs, meterStartWh, heldMs }: RunningCharge, live: LiveReading) {
  if (tariff === null || live.energyWh === null || live.observedAtMs < startedAtMs) return null;
  if (live.observedAtMs - startedAtMs > LONGEST_RATED_MS) return null;
  const readings = [
    { atMs: startedAtMs, registerWh: meterStartWh, quality: 'measured' as const },
    { atMs: live.observedAtMs, registerWh: meterStartWh + live.energyWh, quality: 'measured' as const },
  ];
  const terms = heldMs === null ? {} : { reservation: { heldMs } };
  const { totalMinor, currency } = rate(tariff, readings, terms);
  return moneyView(totalMinor, currency);
}
