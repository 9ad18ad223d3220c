import type { Random } from '../../../hardware-sim/faults/random.ts';
import { oneOf } from '../sync/plan.ts';

/** How a charge is ended: by one request or two, by the driver, or by both at once. */
export type Ending = 'stop' | 'two-stops' | 'unplug' | 'stop-and-unplug';

/** What somebody comes for. */
export interface Wish {
  /** `taken-back`: before anybody knows whether it holds. `given-back`: when it holds. */
  readonly reservation: 'none' | 'used' | 'given-back' | 'taken-back' | 'run-out';
  /** For how long he keeps a reservation before he goes on. */
  readonly holdMs: number;
  /** He does not wait for the charge to begin before he ends it. */
  readonly isHasty: boolean;
  readonly chargeMs: number;
  readonly ending: Ending;
}

const LONGEST_HOLD_MS = 1200;
const LONGEST_CHARGE_MS = 1800;
const HASTY = 0.15;
const RUN_OUT = 0.03;

const ENDINGS: readonly Ending[] = ['stop', 'stop', 'two-stops', 'unplug', 'stop-and-unplug'];
const RESERVATIONS: readonly Wish['reservation'][] = [
  ...Array.from({ length: 6 }, () => 'none' as const),
  'used',
  'used',
  'given-back',
  'taken-back',
];

/** @param mayRunOut there is time for a reservation to run out, which takes a minute */
export function planWish(random: Random, mayRunOut: boolean): Wish {
  const doesRunOut = random() < RUN_OUT && mayRunOut;
  return {
    reservation: doesRunOut ? 'run-out' : oneOf(random, RESERVATIONS),
    holdMs: Math.floor(random() * LONGEST_HOLD_MS),
    isHasty: random() < HASTY,
    chargeMs: Math.floor(random() * LONGEST_CHARGE_MS),
    ending: oneOf(random, ENDINGS),
  };
}
