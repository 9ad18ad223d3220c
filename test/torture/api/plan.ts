import { type Random, seededRandom } from '../../../hardware-sim/faults/random.ts';
import { oneOf } from '../sync/plan.ts';
import { PROGRAMS, type Program } from './block.ts';
import type { Moment } from './moments.ts';

export type Target = Program | 'broker' | 'database';

/** Something that is killed, and started again after a while. */
export interface PlannedKill {
  /** After the one before was killed, */
  readonly afterMs: number;
  /** and then at the next of these, if one comes; null: wherever it hits. */
  readonly at: Moment | null;
  /** So long after that. */
  readonly lateMs: number;
  /** `asked`: the process of the API that has to do with that moment. */
  readonly target: Target | 'asked';
  readonly downMs: number;
}

/** Who has something in hand then that must be neither lost nor done twice. */
const AIMS: Readonly<Record<Moment, readonly PlannedKill['target'][]>> = {
  sent: ['asked', 'asked', 'asked', 'database'],
  accepted: ['asked', 'asked', 'ingest', 'ingest'],
  command: ['edge', 'ingest', 'ingest', 'broker'],
  'start-command': ['ingest', 'ingest', 'broker'],
  told: ['ingest', 'ingest', 'ingest', 'database', 'edge'],
  webhook: ['worker', 'worker', 'worker', 'database'],
  'webhook-answered': ['worker', 'worker', 'worker', 'database'],
};
const MOMENTS: readonly Moment[] = ['sent', 'accepted', 'command', 'told', 'told', 'webhook', 'webhook-answered'];
const TARGETS: readonly Target[] = [...PROGRAMS, 'broker', 'database'];
const UNAIMED = 0.15;
const SHORTEST_GAP_MS = 800;
const LONGEST_GAP_MS = 4500;
/** Half of the kills come at once: what is in hand is out of it within milliseconds. */
const AT_ONCE_MS = 6;
const LONGEST_LATE_MS = 60;
const SHORTEST_DOWN_MS = 100;
const LONGEST_DOWN_MS = 900;
/** Now and then the site cannot tell what has come of a start until its time is long over. */
const DEAF = 0.05;
/** By then the site has the start. */
const DEAF_LATE_MS = 300;
/** The time of a start, what is granted beyond it, and what it takes to notice that. */
const DEAF_MS = 17_000;

const upTo = (random: Random, most: number): number => Math.floor(random() * most);

/** Kills for about so long. The same seed gives the same plan. */
export function planKills(seed: number, forMs: number): PlannedKill[] {
  const random = seededRandom(seed);
  const planned: PlannedKill[] = [];
  for (let atMs = 0; ; ) {
    const afterMs = SHORTEST_GAP_MS + upTo(random, LONGEST_GAP_MS);
    atMs += afterMs;
    if (atMs >= forMs) return planned;
    planned.push({ afterMs, ...(random() < DEAF ? planDeafness(random) : planKill(random)) });
  }
}

function planKill(random: Random): Omit<PlannedKill, 'afterMs'> {
  const at = random() < UNAIMED ? null : oneOf(random, MOMENTS);
  return {
    at,
    lateMs: upTo(random, random() < 0.5 ? AT_ONCE_MS : LONGEST_LATE_MS),
    target: oneOf(random, at === null ? TARGETS : AIMS[at]),
    downMs: SHORTEST_DOWN_MS + upTo(random, LONGEST_DOWN_MS),
  };
}

const planDeafness = (random: Random): Omit<PlannedKill, 'afterMs'> => ({
  at: 'start-command',
  lateMs: DEAF_LATE_MS,
  target: oneOf(random, AIMS['start-command']),
  downMs: DEAF_MS,
});
