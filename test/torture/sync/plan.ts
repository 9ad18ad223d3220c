import { type Random, seededRandom } from '../../../hardware-sim/faults/random.ts';
import type { Toxics } from '../../sync/fault-proxy.ts';

export const SITES = ['site-1', 'site-2'] as const;
export type SiteName = (typeof SITES)[number];
/** `front` has every role of the cloud, `ingest` that one alone: the two share the sites. */
export type Part = SiteName | 'front' | 'ingest';
export type Way = `${Part} to broker` | 'front to database' | 'ingest to database';

/** Something that is done to the system, and undone after a while. */
export type Trouble =
  | { readonly kind: 'process'; readonly part: Part; readonly signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' }
  | { readonly kind: 'broker'; readonly signal: 'SIGKILL' | 'SIGTERM'; readonly persistence: boolean }
  /** SIGINT: fast shutdown, SIGQUIT: immediate, SIGKILL: the postmaster is gone before its children. */
  | { readonly kind: 'database'; readonly signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL' }
  | { readonly kind: 'way'; readonly way: Way; readonly toxics: Partial<Toxics> }
  /** Connections that are open there are forgotten. Others can be made. */
  | { readonly kind: 'forgotten'; readonly way: Way };

export interface PlannedTrouble {
  /** After the beginning of the one before. */
  readonly afterMs: number;
  readonly trouble: Trouble;
  readonly lastsMs: number;
}

const WAYS: readonly Way[] = [
  'site-1 to broker',
  'site-2 to broker',
  'front to broker',
  'ingest to broker',
  'front to database',
  'ingest to database',
];
const PARTS: readonly Part[] = ['site-1', 'site-2', 'front', 'ingest'];
const LONGEST_GAP_MS = 9000;
const LONGEST_DOWN_MS = 4000;
/** More than a lease of shards, and than the watchdog of a pile. */
const LONG_DOWN_MS = 12_000;

/** Troubles for about so long, one begun after the other, several at a time. The same seed gives the same plan. */
export function planTroubles(seed: number, forMs: number): PlannedTrouble[] {
  const random = seededRandom(seed);
  const planned: PlannedTrouble[] = [];
  for (let atMs = 0; ; ) {
    const afterMs = 500 + upTo(random, LONGEST_GAP_MS);
    atMs += afterMs;
    if (atMs >= forMs) return planned;
    const lastsMs = random() < 0.85 ? 300 + upTo(random, LONGEST_DOWN_MS) : LONG_DOWN_MS;
    planned.push({ afterMs, trouble: planTrouble(random), lastsMs });
  }
}

/** What two troubles must not have in common at a time. */
export function targetOf(trouble: Trouble): string {
  switch (trouble.kind) {
    case 'process':
      return trouble.part;
    case 'way':
    case 'forgotten':
      return trouble.way;
    case 'broker':
    case 'database':
      return trouble.kind;
  }
}

/** The name under which it is counted. */
export function nameOf(trouble: Trouble): string {
  switch (trouble.kind) {
    case 'process':
      return `${trouble.part} ${trouble.signal}`;
    case 'broker':
      return `broker ${trouble.signal}${trouble.persistence ? ', persistent' : ''}`;
    case 'database':
      return `database ${trouble.signal}`;
    case 'way':
      return `${trouble.way}: ${Object.keys(trouble.toxics).join(', ')}`;
    case 'forgotten':
      return `${trouble.way}: forgotten`;
  }
}

const upTo = (random: Random, most: number): number => Math.floor(random() * most);

export function oneOf<Choice>(random: Random, choices: readonly Choice[]): Choice {
  const chosen = choices[upTo(random, choices.length)];
  if (chosen === undefined) throw new TypeError('nothing to choose from');
  return chosen;
}

function planTrouble(random: Random): Trouble {
  const drawn = random();
  if (drawn < 0.4)
    return {
      kind: 'process',
      part: oneOf(random, PARTS),
      signal: oneOf(random, ['SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGSTOP']),
    };
  if (drawn < 0.52)
    return { kind: 'broker', signal: oneOf(random, ['SIGKILL', 'SIGTERM']), persistence: random() < 0.5 };
  if (drawn < 0.62) return { kind: 'database', signal: oneOf(random, ['SIGINT', 'SIGQUIT', 'SIGKILL']) };
  const way = oneOf(random, WAYS);
  return drawn < 0.68 ? { kind: 'forgotten', way } : { kind: 'way', way, toxics: planToxics(random) };
}

function planToxics(random: Random): Partial<Toxics> {
  return oneOf<() => Partial<Toxics>>(random, [
    () => ({ isCut: true }),
    () => ({ latencyMs: 50 + upTo(random, 800) }),
    () => ({ bytesPerS: 2000 + upTo(random, 10_000), latencyMs: upTo(random, 100) }),
    () => ({ swallow: oneOf(random, ['up', 'down', 'both']) }),
    () => ({ truncateAfterBytes: 200 + upTo(random, 4000) }),
  ])();
}
