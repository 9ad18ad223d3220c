import type { StateEffects } from '../faults/state-effects.ts';
import type { RawDevice } from '../line/raw-device.ts';
import type { MonoClock } from '../world/clock.ts';
import { busBarrier } from './bus-barrier.ts';
import { busLock } from './bus-lock.ts';

/** Products that a station file may name. */
export const LOCK_MODELS = ['bus-lock', 'bus-barrier'] as const;
export type LockModel = (typeof LOCK_MODELS)[number];

/** What a station file says about one ground lock or barrier. */
export interface LockSettings {
  readonly lockId: string;
  readonly lineId: string;
  readonly model: LockModel;
  /** Bus address, 1..254. */
  readonly address: number;
  /** The bay it guards. */
  readonly pileId?: string | undefined;
}

/** A command that a device has heard. */
export interface ExecutedCommand {
  readonly monoMs: number;
  readonly command: 'up' | 'down';
  readonly accepted: boolean;
}

/** What physically is at one lock or barrier, beside what it reports. */
export interface LockTruth {
  readonly lockId: string;
  readonly model: LockModel;
  readonly pileId: string | undefined;
  /** 0 is down, 1 is up. */
  readonly position: number;
  readonly moving: boolean;
  /** A car stands in the bay, or below the boom. */
  readonly occupied: boolean;
  readonly batteryPercent: number | undefined;
  readonly jammed: boolean;
  readonly damaged: boolean;
  /** Newest last, at most 50. */
  readonly commands: readonly ExecutedCommand[];
}

/** A ground lock or barrier on a serial line, with its physics. */
export interface LockDevice extends RawDevice {
  readonly lineId: string;
  advance(): void;
  /** A car comes or goes. */
  setOccupied(occupied: boolean): void;
  truth(): LockTruth;
}

/** Builds a lock or barrier that is down. `effects` is asked at every slice for the faults that hold then. */
export function createLock(settings: LockSettings, clock: MonoClock, effects: () => StateEffects): LockDevice {
  return settings.model === 'bus-lock' ? busLock(settings, clock, effects) : busBarrier(settings, clock, effects);
}
