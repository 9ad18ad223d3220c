import type { Protection } from '../faults/state-effects.ts';
import type { PileState } from './pile-state.ts';

/** What a pile knows to be wrong with itself. */
export type ShownFault = 'emergency-stop' | 'welded' | 'over-temperature' | 'voltage' | Protection | 'error';

/** A vendor's numbers; a fault without one of its own shows as `error`. */
export type FaultNumbers = Readonly<Partial<Record<ShownFault, number>>> & { readonly error: number };

/** The fault that the pile itself has noticed, if any. */
function shownFault(state: PileState): ShownFault | undefined {
  const { emergencyStop, errorCode, protection, weldDetected } = state.effects;
  if (emergencyStop) return 'emergency-stop';
  if (state.pilot !== 'F') return undefined;
  if (errorCode !== undefined) return 'error';
  if (protection !== undefined) return protection;
  if (state.mainsTripped) return 'voltage';
  if (state.overheated) return 'over-temperature';
  return weldDetected ? 'welded' : 'error';
}

/** The vendor's number for the fault that is noticed, 0 without one; `pile-error` and `vendor-fault` bring their own. */
export function faultNumber(state: PileState, numbers: FaultNumbers): number {
  if (state.effects.vendorCode !== undefined) return state.effects.vendorCode;
  const fault = shownFault(state);
  if (fault === undefined) return 0;
  return fault === 'error' ? (state.effects.errorCode ?? numbers.error) : (numbers[fault] ?? numbers.error);
}

/** Connector states of OCPP 1.6 that a pile can be in by itself. */
export type OcppStatus = 'available' | 'preparing' | 'charging' | 'suspended-evse' | 'suspended-ev' | 'faulted';

/** Numbers of a register that counts the states in the order of OCPP 1.6, section 7.7. */
export const OCPP_NUMBERS: Readonly<Record<OcppStatus, number>> = {
  available: 0,
  preparing: 1,
  charging: 2,
  'suspended-evse': 3,
  'suspended-ev': 4,
  faulted: 8,
};

/** OCPP 1.6 status, section 7.7; "preparing" until the vehicle has drawn energy for the first time. */
export function ocppStatus(state: PileState): OcppStatus {
  if (state.pilot === 'E' || state.pilot === 'F') return 'faulted';
  if (!state.vehicle.plugged) return 'available';
  if (isCharging(state)) return 'charging';
  if (sessionWh(state) <= 0) return 'preparing';
  return state.offerA > 0 ? 'suspended-ev' : 'suspended-evse';
}

/** True while the pile itself means to deliver: contacts ordered closed and closed, vehicle asking. */
export function isCharging(state: PileState): boolean {
  return state.contactor.command === 'close' && state.contactor.conducting;
}

/** Meter count in Wh since installation, not yet cut to any register's resolution. */
export function totalWh(state: PileState): number {
  return state.initialRegisterWh + state.meterWh;
}

/** Meter count in Wh since the present or last vehicle was plugged in. */
export function sessionWh(state: PileState): number {
  return state.meterWh - state.meterAtPlugWh;
}

/** `value` cut down to whole steps of `resolution`, as registers do. */
export function floorTo(value: number, resolution: number): number {
  return Math.floor(value / resolution) * resolution;
}
