import type { BstReason } from './bst-reasons.ts';
import type { MeterStrike, StateFault } from './state-faults.ts';

/** What the lasting faults of one meter do to its count, be it inside a pile or on its own. */
export interface MeterEffects {
  readonly meterStuck: boolean;
  readonly meterBackward: boolean;
  readonly meterMissing: 'marker' | 'error' | undefined;
  /** Each object strikes once. */
  readonly meterStrikes: readonly MeterStrike[];
}

/** What the lasting faults of one device do to its physics and its reports. */
export interface StateEffects extends MeterEffects {
  readonly temperatureC: number | undefined;
  readonly gunTemperatureC: number | undefined;
  readonly overCurrentFactor: number | undefined;
  readonly welded: boolean;
  readonly vehicleIgnoresPilot: boolean;
  readonly weldDetected: boolean;
  readonly softStopIgnored: boolean;
  readonly emergencyStop: boolean;
  readonly errorCode: number | undefined;
  readonly bmsAbort: BstReason | undefined;
  /** Where the plug lock is stuck; for a ground lock or barrier only that it is. */
  readonly lockJammed: 'locked' | 'unlocked' | undefined;
  readonly armDamaged: boolean;
  /** The objects are compared by identity: a new one is a new event. */
  readonly gunPulled: object | undefined;
  readonly powerCut: { readonly durationMs?: number | undefined } | undefined;
}

/** A healthy device. */
export const HEALTHY: StateEffects = {
  temperatureC: undefined,
  gunTemperatureC: undefined,
  overCurrentFactor: undefined,
  welded: false,
  vehicleIgnoresPilot: false,
  weldDetected: false,
  meterStuck: false,
  meterBackward: false,
  meterMissing: undefined,
  meterStrikes: [],
  softStopIgnored: false,
  emergencyStop: false,
  errorCode: undefined,
  bmsAbort: undefined,
  lockJammed: undefined,
  armDamaged: false,
  gunPulled: undefined,
  powerCut: undefined,
};

/** The sum of `faults`; of two of one kind the later one counts. */
export function stateEffects(faults: readonly StateFault[]): StateEffects {
  return faults.reduce(withFault, HEALTHY);
}

function withFault(effects: StateEffects, fault: StateFault): StateEffects {
  return { ...effects, ...effectOf(fault, effects) };
}

function effectOf(fault: StateFault, { meterStrikes }: StateEffects): Partial<StateEffects> {
  switch (fault.kind) {
    case 'over-temperature':
      return fault.where === 'gun' ? { gunTemperatureC: fault.temperatureC } : { temperatureC: fault.temperatureC };
    case 'over-current':
      return { overCurrentFactor: fault.factor };
    case 'welded-contactor':
      return { welded: true, vehicleIgnoresPilot: fault.vehicleKeepsDrawing, weldDetected: fault.detectedByPile };
    case 'stuck-meter':
      return { meterStuck: true };
    case 'meter-backward':
      return { meterBackward: true };
    case 'meter-rollover':
    case 'meter-jump':
    case 'meter-reset':
      return { meterStrikes: [...meterStrikes, fault] };
    case 'meter-missing':
      return { meterMissing: fault.as };
    case 'soft-stop-ignored':
      return { softStopIgnored: true };
    case 'emergency-stop':
      return { emergencyStop: true };
    case 'pile-error':
      return { errorCode: fault.errorCode };
    case 'bms-abort':
      return { bmsAbort: fault.reason };
    case 'lock-jammed':
      return { lockJammed: fault.stuck };
    case 'arm-damaged':
      return { armDamaged: true };
    case 'gun-pulled':
      return { gunPulled: fault };
    case 'power-cut':
      return { powerCut: fault };
  }
}
