import type { StateFault } from './fault.ts';

/** What the lasting faults of one pile do to its physics and its reports. */
export interface StateEffects {
  readonly temperatureC: number | undefined;
  readonly overCurrentFactor: number | undefined;
  readonly welded: boolean;
  readonly vehicleIgnoresPilot: boolean;
  readonly weldDetected: boolean;
  readonly meterStuck: boolean;
  readonly softStopIgnored: boolean;
  readonly emergencyStop: boolean;
  readonly errorCode: number | undefined;
}

/** A healthy pile. */
export const HEALTHY: StateEffects = {
  temperatureC: undefined,
  overCurrentFactor: undefined,
  welded: false,
  vehicleIgnoresPilot: false,
  weldDetected: false,
  meterStuck: false,
  softStopIgnored: false,
  emergencyStop: false,
  errorCode: undefined,
};

/** The sum of `faults`; of two of one kind the later one counts. */
export function stateEffects(faults: readonly StateFault[]): StateEffects {
  return faults.reduce(withFault, HEALTHY);
}

function withFault(effects: StateEffects, fault: StateFault): StateEffects {
  switch (fault.kind) {
    case 'over-temperature':
      return { ...effects, temperatureC: fault.temperatureC };
    case 'over-current':
      return { ...effects, overCurrentFactor: fault.factor };
    case 'welded-contactor':
      return {
        ...effects,
        welded: true,
        vehicleIgnoresPilot: fault.vehicleKeepsDrawing,
        weldDetected: fault.detectedByPile,
      };
    case 'stuck-meter':
      return { ...effects, meterStuck: true };
    case 'soft-stop-ignored':
      return { ...effects, softStopIgnored: true };
    case 'emergency-stop':
      return { ...effects, emergencyStop: true };
    case 'pile-error':
      return { ...effects, errorCode: fault.errorCode };
  }
}
