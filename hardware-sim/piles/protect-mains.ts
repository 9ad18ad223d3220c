import { type PileState, phasesV } from './pile-state.ts';

/** The pile's own limits: nominal 230 V, 20 % to both sides. */
const HIGHEST_V = 276;
const LOWEST_V = 184;
/** Firmware after GB/T 18487.1: off when it lasts 3 s, on again when it has been 10 V inside for 5 s. */
const OFF_AFTER_MS = 3000;
const BACK_V = 10;
const BACK_AFTER_MS = 5000;

/** Sets `mainsTripped` of `state` from its voltages, with delay and hysteresis. */
export function protectFromMains(state: PileState): void {
  const marginV = state.mainsTripped ? BACK_V : 0;
  const isOut = phasesV(state)
    .slice(0, state.mainsPhases)
    .some((volt) => volt > HIGHEST_V - marginV || volt < LOWEST_V + marginV);
  state.mainsOutSinceMs = isOut ? (state.mainsOutSinceMs ?? state.nowMs) : undefined;
  state.mainsBackSinceMs = isOut ? undefined : (state.mainsBackSinceMs ?? state.nowMs);
  const lasted = (sinceMs: number | undefined, ms: number) => sinceMs !== undefined && state.nowMs - sinceMs >= ms;
  if (lasted(state.mainsOutSinceMs, OFF_AFTER_MS)) state.mainsTripped = true;
  if (lasted(state.mainsBackSinceMs, BACK_AFTER_MS)) state.mainsTripped = false;
}
