import type { Permission } from './pile-model.ts';
import { isFaulted, type PileState } from './pile-state.ts';

/** Below this the pilot signal cannot express a current (IEC 61851-1): the pile offers nothing instead. */
const MIN_OFFER_MA = 6000;
/** The pile protects itself: half current above the first, nothing above the second, again below the third. */
const DERATE_ABOVE_C = 85;
const SHUTDOWN_ABOVE_C = 105;
const RESTART_BELOW_C = 80;

/** A gun's contacts may get 90 °C (GB/T 20234.1 allows a rise of 50 K); the pile derates before. */
const GUN_DERATE_ABOVE_C = 75;
const GUN_SHUTDOWN_ABOVE_C = 90;
const GUN_RESTART_BELOW_C = 70;

/** Sets the thermal flags of `state` from its temperatures, with hysteresis. */
export function protectFromHeat(
  state: Pick<PileState, 'temperatureC' | 'gunTemperatureC' | 'derated' | 'overheated'>,
): void {
  const { temperatureC, gunTemperatureC } = state;
  state.derated = temperatureC > DERATE_ABOVE_C || gunTemperatureC > GUN_DERATE_ABOVE_C;
  if (temperatureC > SHUTDOWN_ABOVE_C || gunTemperatureC > GUN_SHUTDOWN_ABOVE_C) state.overheated = true;
  if (temperatureC < RESTART_BELOW_C && gunTemperatureC < GUN_RESTART_BELOW_C) state.overheated = false;
}

/** Remembers the last set-point that was not a pause, for a pile that ignores a soft stop. */
export interface OfferMemory {
  lastLimitMa: number;
}

/** Current in A that the pilot offers: the limit in force within the pile's own maximum, or 0. */
export function offeredA(state: PileState, permission: Permission, maxCurrentMa: number, memory: OfferMemory): number {
  const limitMa = limitInForceMa(state, permission, memory);
  if (!permission.unlocked || limitMa < MIN_OFFER_MA || isFaulted(state)) return 0;
  const cappedMa = Math.min(limitMa, maxCurrentMa);
  return (state.derated ? Math.max(MIN_OFFER_MA, cappedMa / 2) : cappedMa) / 1000;
}

function limitInForceMa(state: PileState, permission: Permission, memory: OfferMemory): number {
  if (permission.source === 'fallback') return permission.limitMa;
  const ignored = state.effects.softStopIgnored && permission.limitMa < MIN_OFFER_MA;
  if (ignored) return memory.lastLimitMa;
  memory.lastLimitMa = permission.limitMa;
  return permission.limitMa;
}
