import { type Random, seededRandom } from '../../hardware-sim/faults/random.ts';

/** What ends a pile's charge: somebody's word at some time, or something that happens to it while the edge is down. */
export type Ending =
  | { readonly kind: 'stop'; readonly afterMs: number }
  | { readonly kind: 'cancel'; readonly afterMs: number }
  | { readonly kind: 'unplugged' | 'full' | 'emergency-stop' | 'power-cycle'; readonly inDowntime: number };

/** What the edge is doing when it is killed. */
export type Moment =
  /** A connector enters this phase. */
  | { readonly on: 'phase'; readonly to: 'checking' | 'preparing' | 'starting' | 'charging' | 'stopping' | 'closing' }
  /** Records arrive at the cloud, which may or may not get its acknowledgement through. */
  | { readonly on: 'batch' }
  /** It has been started again: it may not even have opened its ledger. */
  | { readonly on: 'boot' }
  | { readonly on: 'time' };

export interface Kill {
  readonly moment: Moment;
  /** From the moment to the signal. */
  readonly afterMs: number;
  readonly downMs: number;
  /** Whether the cloud acknowledges what it hears until this kill. */
  readonly isAcknowledging: boolean;
}

export interface PilePlan {
  readonly startAfterMs: number;
  readonly ending: Ending;
}

/** One round: charges at all piles, and kills over them. */
export interface RoundPlan {
  readonly seed: number;
  readonly piles: Readonly<Record<string, PilePlan>>;
  readonly kills: readonly Kill[];
}

/** The piles of the stand fall back after 15 s and 20 s without their controller. */
export const LONGER_THAN_WATCHDOGS_MS = 21_000;

const PHASES = ['checking', 'preparing', 'starting', 'charging', 'stopping', 'closing'] as const;

/** The same seed gives the same plan. */
export function planRound(seed: number, pileIds: readonly string[]): RoundPlan {
  const random = seededRandom(seed);
  const kills = Array.from({ length: 2 + upTo(random, 3) }, () => planKill(random));
  const piles = pileIds.map((pileId): [string, PilePlan] => [
    pileId,
    { startAfterMs: upTo(random, 1500), ending: planEnding(random, kills.length) },
  ]);
  return { seed, piles: Object.fromEntries(piles), kills };
}

const upTo = (random: Random, most: number): number => Math.floor(random() * most);

function oneOf<Choice>(random: Random, choices: readonly [Choice, ...Choice[]]): Choice {
  return choices[upTo(random, choices.length)] ?? choices[0];
}

function planKill(random: Random): Kill {
  const moment = planMoment(random);
  return {
    moment,
    afterMs: upTo(random, { phase: 60, batch: 30, boot: 1500, time: 4000 }[moment.on]),
    downMs: planDowntime(random),
    isAcknowledging: random() < 0.8,
  };
}

function planMoment(random: Random): Moment {
  const drawn = random();
  if (drawn < 0.5) return { on: 'phase', to: oneOf(random, PHASES) };
  if (drawn < 0.65) return { on: 'batch' };
  return { on: drawn < 0.8 ? 'boot' : 'time' };
}

/** Mostly short. */
function planDowntime(random: Random): number {
  const drawn = random();
  if (drawn < 0.3) return 0;
  return drawn < 0.95 ? upTo(random, 3000) : LONGER_THAN_WATCHDOGS_MS;
}

function planEnding(random: Random, kills: number): Ending {
  const drawn = random();
  // Rather late than early: what happens before the charge has begun ends nothing.
  const inDowntime = Math.max(upTo(random, kills), upTo(random, kills));
  if (drawn < 0.5) return { kind: 'stop', afterMs: upTo(random, 5000) };
  if (drawn < 0.6) return { kind: 'cancel', afterMs: upTo(random, 5000) };
  return { kind: oneOf(random, ['unplugged', 'full', 'emergency-stop', 'power-cycle']), inDowntime };
}
