import type { PileState } from './pile-state.ts';
import { isCharging } from './status.ts';

/** How long the present or last vehicle was connected, and how long it charged. */
export interface SessionTimes {
  /** To be told at every slice. */
  observe(nowMs: number): void;
  connectedS(): number;
  chargingS(): number;
}

/** Counts from zero at each plug-in. */
export function createSessionTimes(state: PileState): SessionTimes {
  let lastMs = state.nowMs;
  let plugged = false;
  let connectedMs = 0;
  let chargingMs = 0;
  return {
    observe: (nowMs) => {
      const { plugged: pluggedNow } = state.vehicle;
      if (pluggedNow && !plugged) [connectedMs, chargingMs] = [0, 0];
      if (pluggedNow) connectedMs += nowMs - lastMs;
      if (isCharging(state)) chargingMs += nowMs - lastMs;
      [plugged, lastMs] = [pluggedNow, nowMs];
    },
    connectedS: () => Math.floor(connectedMs / 1000),
    chargingS: () => Math.floor(chargingMs / 1000),
  };
}
