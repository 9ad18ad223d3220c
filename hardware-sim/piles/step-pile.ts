import { countEnergy } from '../meters/meter-count.ts';
import { charge } from '../world/battery.ts';
import { stepContactor } from '../world/contactor.ts';
import { energyWh, powerW } from '../world/energy.ts';
import type { Slice } from '../world/stepper.ts';
import { GUN, SHADED, stepTemperature } from '../world/temperature.ts';
import { phaseCurrentsA, stepVehicle } from '../world/vehicle.ts';
import { type OfferMemory, offeredA, protectFromHeat } from './offer.ts';
import type { PileModel } from './pile-model.ts';
import { type PileState, phasesV } from './pile-state.ts';
import { contactorCommand, pilotState } from './pilot.ts';
import { protectFromMains } from './protect-mains.ts';

/** What the core of one pile remembers between slices, beside its physical state. */
export interface PileMemory extends OfferMemory {
  offSinceMs: number;
  drewThisPlug: boolean;
  /** Where the model's energy register ends, in Wh; `undefined` when it has none that ends. */
  readonly registerEndWh: number | undefined;
}

/** Advances one pile by one slice: registers, pilot, vehicle, contacts, energy, heat. */
export function stepPile(state: PileState, model: PileModel, memory: PileMemory, slice: Slice): void {
  state.nowMs = slice.nowMs;
  if (!state.powered) {
    stepDark(state, memory, slice);
    return;
  }
  protectFromHeat(state);
  protectFromMains(state);
  const permission = model.permission(slice.nowMs);
  state.pilot = readPilot(state);
  const phasesReady = switchPhases(state, state.mainsPhases === 1 ? 1 : (permission.phases ?? 3));
  const offerA = phasesReady ? offeredA(state, permission, model.maxCurrentMa, memory) : 0;
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

/** Switches over only with open contacts; false while they still have to open. */
function switchPhases(state: PileState, wanted: 1 | 3): boolean {
  if (!state.contactor.conducting) state.connectedPhases = wanted;
  return state.connectedPhases === wanted;
}

/** What the vehicle draws through the phases that are connected. */
function drawnA({ vehicle, connectedPhases }: PileState): readonly [number, number, number] {
  const [l1, l2, l3] = phaseCurrentsA(vehicle);
  return connectedPhases === 1 ? [l1, 0, 0] : [l1, l2, l3];
}

/** Without mains the pilot line has 0 V (state E), the coil drops out, and nothing flows even through a weld. */
function stepDark(state: PileState, memory: PileMemory, slice: Slice): void {
  state.pilot = 'E';
  state.offerA = 0;
  stepConsumer(state, slice);
  state.contactor = stepContactor(state.contactor, {
    command: 'open',
    welded: state.effects.welded,
    nowMs: slice.nowMs,
  });
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
    errored:
      effects.errorCode !== undefined ||
      effects.protection !== undefined ||
      overheated ||
      state.mainsTripped ||
      weldSeen,
  });
}

function stepConsumer(state: PileState, slice: Slice): void {
  state.vehicle = stepVehicle(state.vehicle, {
    ...slice,
    offerA: state.offerA,
    supplied: state.contactor.conducting && state.powered,
    overCurrentFactor: state.effects.overCurrentFactor,
    ignoresPilot: state.effects.vehicleIgnoresPilot,
    bmsAbort: state.effects.bmsAbort !== undefined,
  });
}

/** The truth: energy from the current that really flows through conducting contacts. */
function integrate(state: PileState, memory: PileMemory, { dtMs }: Slice): void {
  const beforeW = state.powerW;
  state.currentsA = state.contactor.conducting ? drawnA(state) : [0, 0, 0];
  state.powerW = powerW(state.currentsA, phasesV(state));
  const flowedWh = carries(state) ? energyWh(beforeW, state.powerW, dtMs) : 0;
  state.energyTruthWh += flowedWh;
  if (flowedWh > 0 && !memory.drewThisPlug) {
    memory.drewThisPlug = true;
    state.meterAtChargeStartWh = state.meterWh;
  }
  countEnergy(state, { stepWh: flowedWh, totalWh: state.energyTruthWh }, state.effects, memory.registerEndWh);
  state.vehicle = { ...state.vehicle, battery: charge(state.vehicle.battery, flowedWh) };
  const currentA = Math.max(...state.currentsA);
  const { temperatureC, gunTemperatureC } = state.effects;
  state.temperatureC = temperatureC ?? stepTemperature(SHADED, state.temperatureC, currentA, dtMs);
  state.gunTemperatureC = gunTemperatureC ?? stepTemperature(GUN, state.gunTemperatureC, currentA, dtMs);
}

/** A pulled plug or a parted contact cuts the current at the start of the slice: there is no ramp to integrate. */
function carries(state: PileState): boolean {
  return state.contactor.conducting && state.vehicle.plugged && state.powered;
}
