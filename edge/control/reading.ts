import type { FaultCode } from '#shared/faults.ts';

/** Currents of L1, L2 and L3. */
export type PhaseCurrents = readonly [number, number, number];

/**
 * One look at a connector, in the terms of the domain. Null means that the pile did not tell, and is never zero.
 * `unknown` is a state that the profile does not know: it counts as a fault.
 */
export interface Reading {
  readonly status: 'unplugged' | 'plugged' | 'charging' | 'fault' | 'unknown';
  /** What the pile reports to be wrong, by the fault catalogue; null when nothing, or nothing it can name. */
  readonly fault: FaultCode | null;
  /** The vendor's own code for it, for the technician. */
  readonly faultDetail: string | null;
  /** The largest phase current; of a DC pile what it takes from each phase of its supply. */
  readonly currentMa: number | null;
  /** What each phase shows, in the pile's own order; left out or null where it does not tell them one by one. */
  readonly phasesMa?: PhaseCurrents | null;
  readonly powerW: number | null;
  /** Phase voltages of an AC pile, the output voltage of a DC pile; phases that are not in use do not count. */
  readonly voltageMv: { readonly lowest: number; readonly highest: number } | null;
  /** Tenths of a degree Celsius. */
  readonly temperatureDc: number | null;
  /** State of charge of the vehicle, as it tells a DC pile. */
  readonly socPercent: number | null;
  /** The limit that the pile says is in force. */
  readonly setpointMa: number | null;
  /** The energy register as the meter shows it, in whole Wh, rounded down. */
  readonly registerWh: number | null;
  /** Serial number of the meter behind the register. */
  readonly meterId: string | null;
  /** Of the pile itself. */
  readonly serialNumber: string | null;
  readonly firmware: string | null;
}

/** Below this a pile delivers nothing: what is left is the measurement's own offset. */
export const STOPPED_BELOW_MA = 1000;

/** A pile that says it charges, or shows current, delivers; of one that cannot be read nobody knows. */
export function delivers(reading: Reading | null): boolean {
  return reading !== null && (reading.status === 'charging' || (reading.currentMa ?? 0) >= STOPPED_BELOW_MA);
}

/** A pile is off when it is seen to be: current and state, both. One that does not tell its current is not. */
export function isOff(reading: Reading): boolean {
  return reading.currentMa !== null && !delivers(reading);
}

/** The fault that a reading shows; a state that nobody knows is one. */
export function faultIn(reading: Reading): FaultCode | null {
  if (reading.fault !== null) return reading.fault;
  if (reading.status === 'unknown') return 'unknown-state';
  return reading.status === 'fault' ? 'pile-fault' : null;
}
