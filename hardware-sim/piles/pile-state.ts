import { HEALTHY, type StateEffects } from '../faults/state-effects.ts';
import { type Contactor, openContactor } from '../world/contactor.ts';
import { SHADED } from '../world/temperature.ts';
import type { Vehicle } from '../world/vehicle.ts';
import type { PilotState } from './pilot.ts';

/** Nominal voltage of each phase in V. */
export const PHASE_VOLTAGE_V = 230;

/** Everything physical about one pile. The core writes it; register images only read it. */
export interface PileState {
  nowMs: number;
  vehicle: Vehicle;
  contactor: Contactor;
  pilot: PilotState;
  offerA: number;
  temperatureC: number;
  derated: boolean;
  overheated: boolean;
  effects: StateEffects;
  currentsA: readonly [number, number, number];
  powerW: number;
  /** What physically flowed since the process started, in Wh. */
  energyTruthWh: number;
  /** What the meter has counted, in Wh since the process started; differs from the truth only while the meter is stuck. */
  meterWh: number;
  /** Meter count (Wh) when the present or last vehicle was plugged in, and when it first drew. */
  meterAtPlugWh: number;
  meterAtChargeStartWh: number;
  /** Hidden meter count in Wh that the pile had before the process started. */
  readonly initialRegisterWh: number;
}

/** A cold, idle pile. */
export function newPileState(initialRegisterWh: number, vehicle: Vehicle, nowMs: number): PileState {
  return {
    nowMs,
    vehicle,
    contactor: openContactor(nowMs),
    pilot: 'A1',
    offerA: 0,
    temperatureC: SHADED.ambientC,
    derated: false,
    overheated: false,
    effects: HEALTHY,
    currentsA: [0, 0, 0],
    powerW: 0,
    energyTruthWh: 0,
    meterWh: 0,
    meterAtPlugWh: 0,
    meterAtChargeStartWh: 0,
    initialRegisterWh,
  };
}

/** True when the pile itself refuses to work. */
export function isFaulted(state: PileState): boolean {
  return state.pilot === 'E' || state.pilot === 'F';
}
