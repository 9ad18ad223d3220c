import type { Because } from './demand.ts';
import type { CellLimit } from './limits.ts';
import { type Network, nameOfCell } from './network.ts';

const lowerTexts = {
  'time-of-day': ', lower at this time of day',
  house: ', less what else is taken there',
  fallback: ', grid meter lost: fallback',
} as const;

/** What bounds a grant, for people. */
export function textOfBecause(
  because: Because,
  network: Network,
  limits: readonly CellLimit[],
  nowMonoMs: number,
): string {
  switch (because.kind) {
    case 'idle':
      return 'nothing is asked for';
    case 'own-limit':
      return 'own limit';
    case 'full': {
      const limit = limits[because.cell];
      const lower = limit?.lowerBy == null ? '' : lowerTexts[limit.lowerBy];
      return `${nameOfCell(network, because.cell)} carries ${((limit?.ma ?? 0) / 1000).toFixed(1)} A${lower}`;
    }
    case 'turn':
      return 'turn: others have waited longer';
    case 'paused':
      return `paused: stays so for ${Math.ceil((because.untilMonoMs - nowMonoMs) / 1000)} s at least`;
    case 'others-first':
      return 'waits until others are seen to take less';
    case 'rises-slowly':
      return 'more is free, and is granted when it stays so';
    case 'not-all-seen':
      return 'waits until everything that may run has been seen';
  }
}
