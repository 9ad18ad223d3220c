import { HEALTHY, type StateEffects } from '../faults/state-effects.ts';
import { type MeterCount, newMeterCount } from '../meters/meter-count.ts';
import { type Contactor, openContactor } from '../world/contactor.ts';
import { GUN, SHADED } from '../world/temperature.ts';
import type { Vehicle } from '../world/vehicle.ts';
import type { PilotState } from './pilot.ts';

/** Nominal voltage of each phase in V. */
export const PHASE_VOLTAGE_V = 230;

/** Everything physical about one pile. The core writes it; register images only read it. */
export interface PileState extends MeterCount {
  nowMs: number;
  vehicle: Vehicle;
  contactor: Contactor;
  pilot: PilotState;
  offerA: number;
  /** Phases of its supply. */
  readonly mainsPhases: 1 | 3;
  /** Phases behind the contacts. */
  connectedPhases: 1 | 3;
  /** Mains is there; without it the pile is deaf, dumb and dark. */
  powered: boolean;
  /** Of the board. */
  temperatureC: number;
  /** Of the contacts in the gun or plug. */
  gunTemperatureC: number;
  derated: boolean;
  overheated: boolean;
  /** Since when the mains have been outside the pile's own limits, or inside them again; the pile is off in between. */
  mainsOutSinceMs: number | undefined;
  mainsBackSinceMs: number | undefined;
  mainsTripped: boolean;
  effects: StateEffects;
  currentsA: readonly [number, number, number];
  powerW: number;
  /** The number of the card that its own reader shows; empty without one. */
  cardNumber: string;
  /** What physically flowed since the process started, in Wh. */
  energyTruthWh: number;
  /** Meter count (Wh) when the present or last vehicle was plugged in, and when it first drew. */
  meterAtPlugWh: number;
  meterAtChargeStartWh: number;
}

/** A cold, idle pile. */
export function newPileState(
  initialRegisterWh: number,
  vehicle: Vehicle,
  nowMs: number,
  mainsPhases: 1 | 3 = 3,
): PileState {
  return {
    nowMs,
    vehicle,
    contactor: openContactor(nowMs),
    pilot: 'A1',
    offerA: 0,
    mainsPhases,
    connectedPhases: mainsPhases,
    powered: true,
    temperatureC: SHADED.ambientC,
    gunTemperatureC: GUN.ambientC,
    derated: false,
    overheated: false,
    mainsOutSinceMs: undefined,
    mainsBackSinceMs: undefined,
    mainsTripped: false,
    effects: HEALTHY,
    currentsA: [0, 0, 0],
    powerW: 0,
    cardNumber: '',
    energyTruthWh: 0,
    meterAtPlugWh: 0,
    meterAtChargeStartWh: 0,
    ...newMeterCount(initialRegisterWh),
  };
}

/** True when the pile itself refuses to work. */
export function isFaulted(state: PileState): boolean {
  return state.pilot === 'E' || state.pilot === 'F';
}

/** Whether the plug is locked in fact when the pile has commanded it to be so or not. */
export function plugIsLocked(state: PileState, commanded: boolean): boolean {
  const { lockJammed } = state.effects;
  return lockJammed === undefined ? commanded : lockJammed === 'locked';
}

/** Volts of a phase (0 to 2) against neutral, as the mains really are. */
export function phaseV(
  { effects, powered, mainsPhases }: Pick<PileState, 'effects' | 'powered' | 'mainsPhases'>,
  phase: 0 | 1 | 2,
): number {
  return powered && phase < mainsPhases ? (effects.mainsV[phase] ?? PHASE_VOLTAGE_V) : 0;
}

/** L1 to L3. */
export const phasesV = (state: PileState): readonly [number, number, number] => [
  phaseV(state, 0),
  phaseV(state, 1),
  phaseV(state, 2),
];
