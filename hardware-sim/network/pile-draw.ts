import type { Phases } from '../faults/state-effects.ts';
import { NETWORK_PHASES, type NetworkPhase } from './network-settings.ts';

/** What one pile takes from its supply at an instant, on its own terminals L1 to L3, in A. */
export interface PileDraw {
  readonly currentsA: Phases<number>;
  /** The most that its registers let a vehicle take: by set-point, fallback, or whatever rules at the moment. */
  readonly allowedA: Phases<number>;
}

/** Told after each slice of a pile's physics. */
export type DrawListener = (nowMs: number, draw: PileDraw) => void;

/** Currents on a pile's terminals as currents of the network that it is wired to. */
export function onNetwork([a, b, c]: Phases<number>, wiring: readonly NetworkPhase[]): Phases<number> {
  const at = (phase: NetworkPhase): number => {
    const terminal = wiring.indexOf(phase);
    return terminal < 0 ? 0 : ([a, b, c][terminal] ?? 0);
  };
  const [l1, l2, l3] = NETWORK_PHASES;
  return [at(l1), at(l2), at(l3)];
}
