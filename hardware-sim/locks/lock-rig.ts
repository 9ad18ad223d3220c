import { HEALTHY, type StateEffects } from '../faults/state-effects.ts';
import { createManualTime } from '../world/manual-clock.ts';
import { createLock, type LockDevice, type LockModel } from './lock-device.ts';

/** One lock or barrier in simulated time, driven by hex frames. */
export interface LockRig {
  readonly lock: LockDevice;
  /** Sends a frame; the reply as hex in the same notation, or `undefined` for silence. */
  say(frame: string): string | undefined;
  passMs(durationMs: number): void;
  /** Sets the faults that hold from the next slice on. */
  suffer(effects: Partial<StateEffects>): void;
}

/** A healthy device of `model` at `address`. */
export function createLockRig(model: LockModel, address: number): LockRig {
  const time = createManualTime(1000);
  let effects: StateEffects = HEALTHY;
  const lock = createLock({ lockId: 'K', lineId: 'L', model, address, pileId: 'P' }, time.clock, () => effects);
  return {
    lock,
    say: (frame) => {
      const reply = lock.hear(Uint8Array.from(Buffer.from(frame.replaceAll(' ', ''), 'hex')));
      return reply === undefined ? undefined : hex(reply);
    },
    passMs: time.passMs,
    suffer: (change) => {
      lock.advance();
      effects = { ...HEALTHY, ...change };
    },
  };
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join(' ');
}
