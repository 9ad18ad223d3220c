import { E4_WH_PER_MINOR } from './amount.ts';
import { reservationLines, sumOfFees } from './fee-lines.ts';
import type { ChargeTerms } from './rate.ts';
import type { Tariff } from './tariff.ts';

const DAY_MS = 86_400_000;
/** A tariff's day has so many bands at most; each may be half a minor unit too much twice, as electricity and as service. */
const MOST_PERIODS_PER_DAY = 48;

/**
 * An amount in minor units that a charge cannot come to be rated above: all of its energy in the dearest band, every line
 * rounded up, or the minimum; and what holding the connector for it has cost. Found without walking through its time, for whoever asks every second.
 */
export function costsAtMost(
  tariff: Tariff,
  energyWh: number,
  durationMs: number,
  reservation?: ChargeTerms['reservation'],
): number {
  const bands = [tariff, ...(tariff.days ?? [])].flatMap((plan) => plan.bands);
  const dearestE4 = Math.max(...bands.map((band) => band.electricityPriceE4 + band.servicePriceE4));
  // A charge touches one local day more than it lasts, and one more where the clocks are changed.
  const days = Math.ceil(durationMs / DAY_MS) + 2;
  const energyMinor = Math.ceil((energyWh * dearestE4) / Number(E4_WH_PER_MINOR));
  const feesMinor =
    reservation === undefined ? 0 : sumOfFees(reservationLines(tariff, { ...reservation, isNoShow: false }));
  return Math.max(energyMinor + days * MOST_PERIODS_PER_DAY, tariff.minimumMinor ?? 0) + feesMinor;
}
