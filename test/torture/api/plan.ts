import { type Random, seededRandom } from '../../../hardware-sim/faults/random.ts';
import { oneOf } from '../sync/plan.ts';
import { PROGRAMS, type Program } from './block.ts';

export type Target = Program | 'broker' | 'database';

/** Something that is killed, and started again after a while. */
export interface PlannedKill {
  /** After the one before was killed, */
  readonly afterMs: number;
  /** and then in the middle of the next of these, if one comes; null: wherever it hits. */
  readonly during: 'order' | 'delivery' | null;
  /** So long after that has begun. */
  readonly lateMs: number;
  readonly target: Target;
  readonly downMs: number;
}

const TARGETS: readonly Target[] = [...PROGRAMS, 'broker', 'database'];
const LONGEST_GAP_MS = 5000;
const LONGEST_LATE_MS = 40;
const LONGEST_DOWN_MS = 1500;

const upTo = (random: Random, most: number): number => Math.floor(random() * most);

/** Kills for about so long. The same seed gives the same plan. */
export function planKills(seed: number, forMs: number): PlannedKill[] {
  const random = seededRandom(seed);
  const planned: PlannedKill[] = [];
  for (let atMs = 0; ; ) {
    const afterMs = 500 + upTo(random, LONGEST_GAP_MS);
    atMs += afterMs;
    if (atMs >= forMs) return planned;
    planned.push({
      afterMs,
      during: oneOf(random, ['order', 'order', 'delivery', null] as const),
      lateMs: upTo(random, LONGEST_LATE_MS),
      target: oneOf(random, TARGETS),
      downMs: 200 + upTo(random, LONGEST_DOWN_MS),
    });
  }
}
