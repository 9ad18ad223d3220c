import { type EndpointClass, endpointClasses } from '../rate-policy.ts';

type Calls = Readonly<Partial<Record<EndpointClass, number>>>;

/** How a key is used in the present window. */
export interface PresentUse {
  readonly calls: Calls;
  readonly sources: readonly string[];
}

/** How it was used before. */
export interface PastUse {
  /** In how many windows it was used at all. */
  readonly windows: number;
  /** In the busiest of them. */
  readonly mostCalls: number;
  /** In all of them. */
  readonly calls: Calls;
  readonly sources: readonly string[];
}

export const unusualKinds = ['rate', 'source', 'pattern'] as const;
export type UnusualKind = (typeof unusualKinds)[number];

export interface Unusual {
  readonly kind: UnusualKind;
  /** What was seen, and what was usual. */
  readonly detail: string;
}

/** A key is judged by its own past, so it needs one: an hour of use. */
export const LEAST_PAST_WINDOWS = 12;
/** More calls than this in a window, and so many times the busiest one before. */
const LEAST_RATE_CALLS = 300;
const RATE_FACTOR = 5;
/** A partner whose calls come from more places than this has no usual place. */
const MOST_USUAL_SOURCES = 20;
/** So many calls have a pattern; and this part of them is of other classes than before. */
const LEAST_PATTERN_CALLS = 50;
const PATTERN_SHIFT = 0.5;

const total = (calls: Calls): number => Object.values(calls).reduce((sum, one) => sum + one, 0);

/** What is unusual in the use of a key, held against its own past. Whether anything is done about it is decided elsewhere. */
export function judgeUse(past: PastUse, present: PresentUse): readonly Unusual[] {
  if (past.windows < LEAST_PAST_WINDOWS) return [];
  return [judgeRate(past, present), judgeSource(past, present), judgePattern(past, present)].filter(
    (unusual) => unusual !== null,
  );
}

function judgeRate(past: PastUse, present: PresentUse): Unusual | null {
  const calls = total(present.calls);
  if (calls <= LEAST_RATE_CALLS || calls <= past.mostCalls * RATE_FACTOR) return null;
  return { kind: 'rate', detail: `${calls} calls in five minutes, at most ${past.mostCalls} before` };
}

function judgeSource(past: PastUse, present: PresentUse): Unusual | null {
  const others = present.sources.filter((source) => !past.sources.includes(source));
  if (others.length === 0 || past.sources.length > MOST_USUAL_SOURCES) return null;
  const more = others.length > 3 ? ` and ${others.length - 3} more` : '';
  return { kind: 'source', detail: `calls from ${others.slice(0, 3).join(', ')}${more}, never seen before` };
}

/** Half the sum of the differences of the shares: 0 for the same mixture of calls, 1 for nothing in common. */
function judgePattern(past: PastUse, present: PresentUse): Unusual | null {
  const calls = total(present.calls);
  const before = total(past.calls);
  if (calls < LEAST_PATTERN_CALLS || before === 0) return null;
  const shares = endpointClasses.map((one) => ({
    one,
    usual: (past.calls[one] ?? 0) / before,
    now: (present.calls[one] ?? 0) / calls,
  }));
  const shift = shares.reduce((sum, { usual, now }) => sum + Math.abs(now - usual), 0) / 2;
  if (shift <= PATTERN_SHIFT) return null;
  const grown = shares.reduce((most, share) => (share.now - share.usual > most.now - most.usual ? share : most));
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  const told = `${grown.one} ${percent(grown.now)} instead of ${percent(grown.usual)}`;
  return { kind: 'pattern', detail: `other calls than before: ${told}` };
}
