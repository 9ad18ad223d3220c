import { countEnergy } from '../../meters/meter-count.ts';
import { charge as chargeBattery, DC_CURVE, shareAt, socOf } from '../../world/battery.ts';
import { stepContactor } from '../../world/contactor.ts';
import { energyWh } from '../../world/energy.ts';
import type { Slice } from '../../world/stepper.ts';
import { type Heating, stepTemperature } from '../../world/temperature.ts';
import type { Vehicle } from '../../world/vehicle.ts';
import type { PileState } from '../pile-state.ts';
import type { DcCharge } from './dc-charge.ts';

/** GB/T 27930: current changes by at least 20 A/s; at a stop it comes down with at least 100 A/s. */
const RAMP_A_PER_S = 20;
const STOP_RAMP_A_PER_S = 100;
const INSULATION_TEST_V = 500;

/** A gun on an uncooled cable: about 45 °C above ambient at 250 A. */
const DC_GUN: Heating = { ambientC: 22, riseCPerA2: 0.00072, timeConstantMs: 300_000 };
const DC_BOARD: Heating = { ambientC: 22, riseCPerA2: 0.0003, timeConstantMs: 600_000 };

/** The total is a u32 of whole Wh. */
export const DC_REGISTER_END_WH = 2 ** 32;

/** What the power stage gives. */
export interface DcOutput {
  volt: number;
  ampere: number;
}

/** Terminal voltage in V of the vehicle's battery at its state of charge: a pack of some hundred cells. */
export function packV(vehicle: Vehicle): number {
  return 340 + 80 * socOf(vehicle.battery);
}

/** Current in A that the BMS asks for: its own maximum, and its power limit at this state of charge. */
function requestedA(vehicle: Vehicle): number {
  const limitW = vehicle.dcMaxPowerW * shareAt(vehicle.chargeCurve ?? DC_CURVE, socOf(vehicle.battery));
  return Math.min(vehicle.dcMaxCurrentA, limitW / packV(vehicle));
}

/** Moves contacts and current to the end of the slice and integrates the energy. `limitW` is what the pile may give. */
export function stepPower(state: PileState, charge: DcCharge, output: DcOutput, limitW: number, slice: Slice): void {
  const beforeW = state.powerW;
  const carrying =
    state.powered && state.vehicle.plugged && (charge.phase === 'charging' || charge.phase === 'stopping');
  state.contactor = stepContactor(state.contactor, {
    command: carrying ? 'close' : 'open',
    welded: state.effects.welded,
    nowMs: slice.nowMs,
  });
  const flowing = carrying && state.contactor.conducting;
  output.ampere = flowing ? rampedA(output.ampere, targetA(state, charge, limitW), charge, slice.dtMs) : 0;
  output.volt = voltage(state, charge);
  state.currentsA = [output.ampere, 0, 0];
  state.powerW = output.volt * output.ampere;
  const flowedWh = flowing ? energyWh(beforeW, state.powerW, slice.dtMs) : 0;
  state.energyTruthWh += flowedWh;
  state.vehicle = { ...state.vehicle, battery: chargeBattery(state.vehicle.battery, flowedWh) };
  heat(state, output.ampere, slice.dtMs);
  countEnergy(state, { stepWh: flowedWh, totalWh: state.energyTruthWh }, state.effects, DC_REGISTER_END_WH);
}

function targetA(state: PileState, charge: DcCharge, limitW: number): number {
  if (charge.phase !== 'charging') return 0;
  const allowedA = (state.derated ? limitW / 2 : limitW) / packV(state.vehicle);
  const obedientA = Math.min(allowedA, requestedA(state.vehicle));
  return obedientA * (state.effects.overCurrentFactor ?? 1);
}

function rampedA(presentA: number, wantedA: number, charge: DcCharge, dtMs: number): number {
  const fallA = ((charge.phase === 'stopping' ? STOP_RAMP_A_PER_S : RAMP_A_PER_S) * dtMs) / 1000;
  const riseA = (RAMP_A_PER_S * dtMs) / 1000;
  return Math.max(presentA - fallA, Math.min(presentA + riseA, wantedA));
}

/** Behind closed or welded contacts stands the pack; during the check the pile puts its test voltage on open ones. */
function voltage(state: PileState, charge: DcCharge): number {
  if (state.vehicle.plugged && state.contactor.conducting) return packV(state.vehicle);
  return state.powered && charge.phase === 'insulation-check' ? INSULATION_TEST_V : 0;
}

function heat(state: PileState, ampere: number, dtMs: number): void {
  const { temperatureC, gunTemperatureC } = state.effects;
  state.temperatureC = temperatureC ?? stepTemperature(DC_BOARD, state.temperatureC, ampere, dtMs);
  state.gunTemperatureC = gunTemperatureC ?? stepTemperature(DC_GUN, state.gunTemperatureC, ampere, dtMs);
}
