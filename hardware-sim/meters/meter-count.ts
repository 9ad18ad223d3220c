import type { MeterEffects } from '../faults/state-effects.ts';
import type { MeterStrike } from '../faults/state-faults.ts';

/** The count of one meter. Its register shows the sum of the first two, in Wh. */
export interface MeterCount {
  /** What the register showed when this count began; moved by a reset or a power cycle. */
  initialRegisterWh: number;
  /** Counted since then. */
  meterWh: number;
  /** By how much the count is off from what flowed. */
  meterShiftWh: number;
  /** Strikes that have been carried out. */
  readonly meterStruck: WeakSet<MeterStrike>;
}

/** A meter that shows `initialRegisterWh` and has counted nothing. */
export function newMeterCount(initialRegisterWh: number): MeterCount {
  return { initialRegisterWh, meterWh: 0, meterShiftWh: 0, meterStruck: new WeakSet() };
}

/** Energy that came through the meter in Wh: in the present step, and since the process started. */
export interface Flow {
  readonly stepWh: number;
  readonly totalWh: number;
}

/**
 * Counts one step the way its faults make it count. `registerEndWh` is where the register's width ends; without it a rollover
 * fault has no place to strike.
 */
export function countEnergy(
  meter: MeterCount,
  flow: Flow,
  effects: MeterEffects,
  registerEndWh: number | undefined,
): void {
  if (effects.meterBackward) meter.meterShiftWh -= 2 * flow.stepWh;
  if (!effects.meterStuck) meter.meterWh = flow.totalWh + meter.meterShiftWh;
  for (const fault of effects.meterStrikes) {
    if (meter.meterStruck.has(fault)) continue;
    meter.meterStruck.add(fault);
    strike(meter, fault, registerEndWh);
  }
}

function strike(meter: MeterCount, fault: MeterStrike, registerEndWh: number | undefined): void {
  switch (fault.kind) {
    case 'meter-jump':
      meter.meterShiftWh += fault.stepWh;
      meter.meterWh += fault.stepWh;
      return;
    case 'meter-reset':
      meter.initialRegisterWh = -meter.meterWh;
      return;
    case 'meter-rollover':
      if (registerEndWh !== undefined) meter.initialRegisterWh = registerEndWh - fault.belowEndWh - meter.meterWh;
  }
}

/** Begins a new count at 0 without touching what the register shows: a power cycle clears counters kept in RAM. */
export function restartCount(meter: MeterCount): void {
  meter.initialRegisterWh += meter.meterWh;
  meter.meterShiftWh -= meter.meterWh;
  meter.meterWh = 0;
}

/** What a register of limited width shows, in Wh: it wraps at its end, and below 0 to just under its end. */
export function wrapped(wh: number, registerEndWh: number | undefined): number {
  if (registerEndWh === undefined) return wh;
  const rest = wh % registerEndWh;
  return rest < 0 ? rest + registerEndWh : rest;
}
