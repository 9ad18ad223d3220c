/** Battery of one vehicle, in Wh. */
export interface Battery {
  readonly capacityWh: number;
  readonly storedWh: number;
}

/**
 * Share (0..1) of its maximum that a vehicle takes at a state of charge: points in rising order of `soc`, straight lines between
 * them, level before the first and after the last.
 */
export type ChargeCurve = readonly { readonly soc: number; readonly share: number }[];

/** An on-board charger: flat, then a straight line down near full. */
export const AC_CURVE: ChargeCurve = [
  { soc: 0.9, share: 1 },
  { soc: 1, share: 0.2 },
];

/** A car on a fast charger: careful when empty, full power in the lower half, a long taper. */
export const DC_CURVE: ChargeCurve = [
  { soc: 0, share: 0.6 },
  { soc: 0.05, share: 1 },
  { soc: 0.5, share: 1 },
  { soc: 0.8, share: 0.4 },
  { soc: 0.9, share: 0.2 },
  { soc: 1, share: 0.05 },
];

/** State of charge, 0..1. */
export function socOf(battery: Battery): number {
  return Math.min(1, Math.max(0, battery.storedWh / battery.capacityWh));
}

/** True when nothing more fits in. */
export function isFull(battery: Battery): boolean {
  return battery.storedWh >= battery.capacityWh;
}

/** The share that `curve` gives at `soc`. */
export function shareAt(curve: ChargeCurve, soc: number): number {
  const after = curve.findIndex((point) => point.soc > soc);
  const before = curve[after < 0 ? curve.length - 1 : after - 1];
  const next = curve[after];
  if (before === undefined || next === undefined) return (before ?? next)?.share ?? 1;
  return before.share + ((soc - before.soc) / (next.soc - before.soc)) * (next.share - before.share);
}

/** The battery after taking `energyWh` more, capped at its capacity. */
export function charge(battery: Battery, energyWh: number): Battery {
  return { ...battery, storedWh: Math.min(battery.capacityWh, battery.storedWh + energyWh) };
}
