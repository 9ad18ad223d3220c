import type { BstReason } from './bst-reasons.ts';
import type { MeterStrike, StateFault } from './state-faults.ts';

/** What the lasting faults of one meter do to its count, be it inside a pile or on its own. */
export interface MeterEffects {
  readonly meterStuck: boolean;
  readonly meterBackward: boolean;
  /** An external meter shows what it has shown last, all of it. */
  readonly meterFrozen: boolean;
  readonly meterMissing: 'marker' | 'error' | undefined;
  /** Each object strikes once. */
  readonly meterStrikes: readonly MeterStrike[];
}

/** One value for each of L1 to L3. */
export type Phases<Value> = readonly [Value, Value, Value];

/** A protection of the pile that has acted. */
export type Protection = 'residual-current' | 'ground-fault' | 'overload' | 'insulation-fault';

/** Words that registers from `address` on show in place of what is so. */
export interface ShownRegisters {
  readonly address: number;
  readonly words: readonly number[];
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
  /** Volts of L1 to L3 against neutral; `undefined` where the mains are as they should be. */
  readonly mainsV: Phases<number | undefined>;
  readonly protection: Protection | undefined;
  readonly vendorCode: number | undefined;
  readonly shownRegisters: readonly ShownRegisters[];
  readonly bmsAbort: BstReason | undefined;
  /** Where the plug lock is stuck; for a ground lock or barrier only that it is. */
  readonly lockJammed: 'locked' | 'unlocked' | undefined;
  readonly armDamaged: boolean;
  /** What a trip output acts on does not open. */
  readonly tripJammed: boolean;
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
  meterFrozen: false,
  meterMissing: undefined,
  meterStrikes: [],
  softStopIgnored: false,
  emergencyStop: false,
  errorCode: undefined,
  mainsV: [undefined, undefined, undefined],
  protection: undefined,
  vendorCode: undefined,
  shownRegisters: [],
  bmsAbort: undefined,
  lockJammed: undefined,
  armDamaged: false,
  tripJammed: false,
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

function effectOf(fault: StateFault, { meterStrikes, mainsV, shownRegisters }: StateEffects): Partial<StateEffects> {
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
    case 'frozen-meter':
      return { meterFrozen: true };
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
    case 'over-voltage':
    case 'under-voltage':
      return { mainsV: withVoltage(mainsV, fault) };
    case 'residual-current':
    case 'ground-fault':
    case 'overload':
    case 'insulation-fault':
      return { protection: fault.kind };
    case 'vendor-fault':
      return { vendorCode: fault.code };
    case 'register-shows':
      return { shownRegisters: [...shownRegisters, fault] };
    case 'pile-error':
      return { errorCode: fault.errorCode };
    case 'bms-abort':
      return { bmsAbort: fault.reason };
    case 'lock-jammed':
      return { lockJammed: fault.stuck };
    case 'arm-damaged':
      return { armDamaged: true };
    case 'trip-jammed':
      return { tripJammed: true };
    case 'gun-pulled':
      return { gunPulled: fault };
    case 'power-cut':
      return { powerCut: fault };
  }
}

/** Sets one phase, or all of them. */
function withVoltage(
  [l1, l2, l3]: StateEffects['mainsV'],
  { voltageV, phase }: { readonly voltageV: number; readonly phase?: 1 | 2 | 3 | undefined },
): StateEffects['mainsV'] {
  const at = (one: 1 | 2 | 3, before: number | undefined) => (phase === undefined || phase === one ? voltageV : before);
  return [at(1, l1), at(2, l2), at(3, l3)];
}
