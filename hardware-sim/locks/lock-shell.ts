import type { StateEffects } from '../faults/state-effects.ts';
import type { LockDevice, LockSettings, LockTruth } from './lock-device.ts';
import { TRAVEL_MS, type Travel } from './travel.ts';

/** What every lock and barrier is, whatever it speaks. */
export interface LockBody {
  readonly travel: Travel;
  readonly occupied: boolean;
  readonly batteryPercent: number | undefined;
  readonly effects: StateEffects;
  readonly commands: LockTruth['commands'];
}

export interface LockParts<Request extends { readonly address: number }> {
  readonly settings: LockSettings;
  /** Brings physics up to the present, which it returns. */
  readonly advance: () => number;
  readonly decode: (frame: Uint8Array) => Request | undefined;
  readonly answer: (request: Request, nowMs: number) => Uint8Array;
  readonly setOccupied: (occupied: boolean) => void;
  readonly body: () => LockBody;
}

/** A product's frames and physics as a device on a line. */
export function lockDevice<Request extends { readonly address: number }>(parts: LockParts<Request>): LockDevice {
  const { settings, advance, decode, answer, body } = parts;
  return {
    deviceId: settings.lockId,
    lineId: settings.lineId,
    advance,
    hear: (frame) => {
      const request = decode(frame);
      if (request === undefined || request.address !== settings.address) return undefined;
      return answer(request, advance());
    },
    setOccupied: (occupied) => {
      advance();
      parts.setOccupied(occupied);
    },
    truth: () => {
      advance();
      const { travel, occupied, batteryPercent, effects, commands } = body();
      const { lockId, model, pileId } = settings;
      return {
        lockId,
        model,
        pileId,
        position: travel.positionMs / TRAVEL_MS,
        moving: travel.motorSinceMs !== undefined,
        occupied,
        batteryPercent,
        jammed: effects.lockJammed !== undefined,
        damaged: effects.armDamaged,
        commands,
      };
    },
  };
}
