import { charge } from '../world/battery.ts';
import { stepContactor } from '../world/contactor.ts';
import { energyWh, powerW } from '../world/energy.ts';
import type { Slice } from '../world/stepper.ts';
import { SHADED, stepTemperature } from '../world/temperature.ts';
import { phaseCurrentsA, stepVehicle } from '../world/vehicle.ts';
import { type OfferMemory, offeredA, protectBoard } from './offer.ts';
import type { PileModel } from './pile-model.ts';
import { PHASE_VOLTAGE_V, type PileState } from './pile-state.ts';
import { contactorCommand, pilotState } from './pilot.ts';

/** What the core of one pile remembers between slices, beside its physical state. */
export interface PileMemory extends OfferMemory {
  offSinceMs: number;
  drewThisPlug: boolean;
}

/** Advances one pile by one slice: registers, pilot, vehicle, contacts, energy, heat. */
export function stepPile(state: PileState, model: PileModel, memory: PileMemory, slice: Slice): void {
  state.nowMs = slice.nowMs;
  protectBoard(state);
  const permission = model.permission(slice.nowMs);
  state.pilot = readPilot(state);
  const offerA = offeredA(state, permission, model.maxCurrentMa, memory);
  if (offerA > 0) memory.offSinceMs = slice.nowMs;
  state.offerA = offerA;
  stepConsumer(state, slice);
  state.pilot = readPilot(state);
  const command = contactorCommand(
    state.pilot,
    state.contactor.command,
    slice.nowMs - memory.offSinceMs,
    !permission.unlocked,
  );
  state.contactor = stepContactor(state.contactor, { command, welded: state.effects.welded, nowMs: slice.nowMs });
  integrate(state, memory, slice);
}

function readPilot(state: PileState): PileState['pilot'] {
  const { effects, overheated, vehicle, offerA } = state;
  const weldSeen = effects.weldDetected && state.contactor.command === 'open' && state.contactor.conducting;
  return pilotState({
    plugged: vehicle.plugged,
    s2Closed: vehicle.s2Closed,
    offerA,
    emergencyStop: effects.emergencyStop,
    errored: effects.errorCode !== undefined || overheated || weldSeen,
  });
}

function stepConsumer(state: PileState, slice: Slice): void {
  state.vehicle = stepVehicle(state.vehicle, {
    ...slice,
    offerA: state.offerA,
    supplied: state.contactor.conducting,
    overCurrentFactor: state.effects.overCurrentFactor,
    ignoresPilot: state.effects.vehicleIgnoresPilot,
  });
}

/** The truth: energy from the current that really flows through conducting contacts. */
function integrate(state: PileState, memory: PileMemory, { dtMs }: Slice): void {
  const beforeW = state.powerW;
  state.currentsA = state.contactor.conducting ? phaseCurrentsA(state.vehicle) : [0, 0, 0];
  state.powerW = powerW(state.currentsA, PHASE_VOLTAGE_V);
  const flowedWh = carries(state) ? energyWh(beforeW, state.powerW, dtMs) : 0;
  if (flowedWh > 0 && !memory.drewThisPlug) {
    memory.drewThisPlug = true;
    state.meterAtChargeStartWh = state.meterWh;
  }
  state.energyTruthWh += flowedWh;
  if (!state.effects.meterStuck) state.meterWh = state.energyTruthWh;
  state.vehicle = { ...state.vehicle, battery: charge(state.vehicle.battery, flowedWh) };
  state.temperatureC =
    state.effects.temperatureC ?? stepTemperature(SHADED, state.temperatureC, Math.max(...state.currentsA), dtMs);
}

/** A pulled plug or a parted contact cuts the current at the start of the slice: there is no ramp to integrate. */
function carries(state: PileState): boolean {
  return state.contactor.conducting && state.vehicle.plugged;
}
