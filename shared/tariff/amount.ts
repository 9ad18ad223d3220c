const MINUTE_MS = 60_000;

/** Wh × 1/10,000 unit per kWh, to 1/100 unit: divide by 1,000 (kWh) and by 100 (10,000 → 100). */
export const E4_WH_PER_MINOR = 100_000n;
/** Minutes × 1/10,000 unit per minute, to 1/100 unit. */
const E4_PER_MINOR = 100n;

/** Exact in integers; what is just between is rounded up. */
const halfUp = (product: bigint, divisor: bigint): number => Number((2n * product + divisor) / (2n * divisor));

/** What energy costs, rounded half up, once. */
export function amountMinorOf(energyWh: number, priceE4: number): number {
  return halfUp(BigInt(energyWh) * BigInt(priceE4), E4_WH_PER_MINOR);
}

/** What minutes cost, rounded half up, once. */
export function minutesAmountMinor(minutes: number, minutePriceE4: number): number {
  return halfUp(BigInt(minutes) * BigInt(minutePriceE4), E4_PER_MINOR);
}

/** A minute that has begun counts. */
export const startedMinutes = (durationMs: number): number => Math.ceil(Math.max(0, durationMs) / MINUTE_MS);
