/** Battery of one vehicle, in Wh. */
export interface Battery {
  readonly capacityWh: number;
  readonly storedWh: number;
}

const TAPER_START_SOC = 0.9;
const TAPER_FLOOR = 0.2;

/** State of charge, 0..1. */
export function socOf(battery: Battery): number {
  return Math.min(1, Math.max(0, battery.storedWh / battery.capacityWh));
}

/** True when nothing more fits in. */
export function isFull(battery: Battery): boolean {
  return battery.storedWh >= battery.capacityWh;
}

/** Share (0.2..1) of its maximum current that a battery still takes at `soc`: flat, then a straight line down near full. */
export function taperFactor(soc: number): number {
  if (soc <= TAPER_START_SOC) return 1;
  const progress = Math.min(1, (soc - TAPER_START_SOC) / (1 - TAPER_START_SOC));
  return 1 - progress * (1 - TAPER_FLOOR);
}

/** The battery after taking `energyWh` more, capped at its capacity. */
export function charge(battery: Battery, energyWh: number): Battery {
  return { ...battery, storedWh: Math.min(battery.capacityWh, battery.storedWh + energyWh) };
}
