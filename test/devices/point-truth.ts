import { floatTypes, type Point } from '../../edge/devices/profile/point.ts';
import type { PileTruth } from '../../hardware-sim/piles/truth.ts';
import type { PileCase } from './pile-cases.ts';

/** Below what the largest vehicle takes and above the least that a pilot can offer. */
export const LIMIT_MA = 13_000;

export const phasesIn = { 'one phase': 1, 'two phases': 2, 'three phases': 3 } as const;

/** What a pile can show to be wrong with itself. The last one: a box takes minutes to cool down. */
export const troubles = {
  'emergency stop': { kind: 'emergency-stop' },
  'pile error': { kind: 'pile-error', errorCode: 1 },
  welded: { kind: 'welded-contactor', vehicleKeepsDrawing: false, detectedByPile: true },
  'too hot': { kind: 'over-temperature', temperatureC: 110 },
} as const;

/** What a pile is in when it is looked at. */
export type Situation =
  | 'unplugged'
  | 'unplugged after a hard stop'
  | 'plugged'
  | 'vehicle full'
  | 'draws on through a weld'
  | keyof typeof phasesIn
  | keyof typeof troubles;

/** What a point must read, within `tolerance` of its unit. */
export interface Expected {
  readonly value: number | string;
  readonly tolerance: number;
}

/** A single of some 1,000 kWh moves in steps of 0.12 Wh, of 100,000 kWh in steps of 8 Wh. */
const FLOAT_ENERGY_WH = 1;

/** The least step of a point in its unit: a value between two steps is shown as either. */
function resolutionOf(point: Point): number {
  if (floatTypes.includes(point.type)) return FLOAT_ENERGY_WH;
  return Math.max(1, Math.ceil(point.multiply / point.divide));
}

const exactly = (value: number | string): Expected => ({ value, tolerance: 0 });

/** Energy in Wh that has gone to the vehicle that is there, or was there last. */
const sessionWh = ({ energySessions }: PileTruth): number => energySessions.at(-1)?.energyTruthWh ?? 0;

/**
 * What physically is, for a point that measures it; `undefined` for one that tells anything else. `laggingWh`: what a
 * register may be behind that is brought up to date once a second.
 */
function measured(name: string, point: Point, truth: PileTruth, laggingWh: number): Expected | undefined {
  const step = resolutionOf(point);
  switch (name) {
    case 'currentL1':
      return { value: truth.currentA[0] * 1000, tolerance: step };
    case 'currentL2':
      return { value: truth.currentA[1] * 1000, tolerance: step };
    case 'currentL3':
      return { value: truth.currentA[2] * 1000, tolerance: step };
    case 'voltageL1':
    case 'voltageL2':
    case 'voltageL3':
      return { value: 230_000, tolerance: 0 };
    case 'power':
      return { value: truth.powerW, tolerance: step };
    case 'temperature':
      return { value: truth.temperatureC * 10, tolerance: 2 * step };
    case 'energyTotal':
      return { value: truth.registerWhTruth, tolerance: step + laggingWh };
    case 'energySession':
      return { value: sessionWh(truth), tolerance: step + laggingWh };
    default:
      return undefined;
  }
}

/** What identifies each simulated device, and other values that nothing moves. */
const plates: Readonly<Record<string, Readonly<Record<string, number | string>>>> = {
  'abb-terra-ac': { firmware: 0x0106_0500, serialNumber: 'TAC10077' },
  'alfen-ng9xx': { firmware: '6.4.0-4210', platform: 'NG910', serialNumber: 'ACE0234567' },
  'bender-cc612': { firmware: '5.33', model: 'CC612' },
  'heidelberg-energy-control': { softwareRevision: 0x0108 },
  'keba-p30': { serialNumber: 20_417_733, productCode: 302_011, firmware: 31_042 },
  'keba-p40': { serialNumber: 20_417_733, productCode: 4_020_011 },
  'phoenix-charx-sec': { meterType: 1, name: 'CHARX SEC-3100', software: '1.6.3' },
  'tinkerforge-warp': { tableVersion: 4, firmwareMajor: 2, uid: 0x0001_5d3f },
  'vestel-evc04': { serialNumber: '7312345678901', model: 'EVC04', firmware: 'v3.187.0' },
};

/** What a fixed point must read; `undefined` for a point that is none. */
function fixed(profileId: string, name: string): Expected | undefined {
  const value = plates[profileId]?.[name];
  return value === undefined ? undefined : exactly(value);
}

/**
 * What set-up has left behind, by the name that profiles give to its registers: the watchdog's time as the simulator
 * counts it, and no current after it. An Alfen's safe current is as its installer has left it, and its time runs down.
 */
function afterSetUp(profileId: string, name: string, truth: PileTruth, safeCurrentA: number): Expected | undefined {
  const { timeoutMs } = truth.watchdog;
  switch (name) {
    case 'watchdogTimeout':
    case 'failsafeTimeout':
      return exactly(timeoutMs);
    case 'fallbackCurrent':
    case 'failsafeCurrent':
    case 'degradedOnePhase':
    case 'degradedThreePhase':
      return exactly(0);
    case 'safeCurrent':
      return exactly(profileId === 'alfen-ng9xx' ? safeCurrentA * 1000 : 0);
    case 'validTime':
      return { value: timeoutMs / 2, tolerance: timeoutMs / 2 };
    case 'standby':
      return exactly(4);
    default:
      return undefined;
  }
}

/** What a point reads while a charge runs and nothing is wrong. */
function whileCharging(name: string): Expected | undefined {
  switch (name) {
    case 'setpoint':
      return exactly(LIMIT_MA);
    case 'enabled':
    case 'remoteLock':
      return exactly(1);
    case 'error':
    case 'errors':
      return exactly(0);
    default:
      return undefined;
  }
}

/** Energy that can flow while a register waits to be brought up to date, which is once a second. */
const lagWh = ({ powerW }: PileTruth): number => powerW / 3600;

/** What a point must read at this instant; `undefined` for one that only has to tell something. */
export function expectedOf(
  { profile: { profileId }, options }: PileCase,
  name: string,
  point: Point,
  truth: PileTruth,
  situation: Situation,
): Expected | undefined {
  const isError = name === 'error' || name === 'errors';
  return (
    measured(name, point, truth, lagWh(truth)) ??
    fixed(profileId, name) ??
    afterSetUp(profileId, name, truth, options.safeCurrentA ?? 0) ??
    (situation in phasesIn ? whileCharging(name) : undefined) ??
    (isError && situation === 'pile error' ? exactly(troubles['pile error'].errorCode) : undefined)
  );
}
