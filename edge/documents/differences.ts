import { withoutSecrets } from './without-secrets.ts';

/** One difference between two documents. Members of lists go by their names: "piles[A1].limitMa". */
export interface Difference {
  readonly path: string;
  /** The same as names and keys. */
  readonly segments: readonly string[];
  /** Undefined where there was nothing. */
  readonly before: unknown;
  /** Undefined where there is nothing any more. */
  readonly after: unknown;
}

type Members = Readonly<Record<string, unknown>>;

/** Every value that differs between two documents, in the order of the keys. */
export function differencesBetween(before: object, after: object): Difference[] {
  return [...differencesIn(before, after, [], '')];
}

function* differencesIn(
  before: unknown,
  after: unknown,
  segments: readonly string[],
  path: string,
): Generator<Difference> {
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  const named = namedMembers(before, after);
  const [old, young] = named ?? [membersOf(before), membersOf(after)];
  if (old === null || young === null) return yield { path, segments, before, after };
  for (const key of new Set([...Object.keys(old), ...Object.keys(young)])) {
    const own = named !== null ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    yield* differencesIn(old[key], young[key], [...segments, key], own);
  }
}

const membersOf = (value: unknown): Members | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : null;

/** Two lists whose members have names, by name; null when they are none. */
function namedMembers(before: unknown, after: unknown): readonly [Members, Members] | null {
  if (!Array.isArray(before) || !Array.isArray(after)) return null;
  const name = nameKeyOf([...before, ...after]);
  if (name === null) return null;
  const [old, young] = [byName(before, name), byName(after, name)];
  return old === null || young === null ? null : [old, young];
}

/** "lineId" of lines, "pileId" of piles: the first key that all of them have and that names something. */
function nameKeyOf(items: readonly unknown[]): string | null {
  const all = items.map(membersOf);
  const [first] = all;
  if (first === undefined || first === null) return null;
  return (
    Object.keys(first).find((key) => key.endsWith('Id') && all.every((item) => typeof item?.[key] === 'string')) ?? null
  );
}

function byName(items: readonly unknown[], key: string): Members | null {
  const entries = items.map((item) => [String(membersOf(item)?.[key]), item] as const);
  return new Set(entries.map(([name]) => name)).size === entries.length ? Object.fromEntries(entries) : null;
}

/** "piles[A1].limitMa: 16000 → 10000". What is secret in an address is left out. */
export function describeDifference({ path, before, after }: Difference): string {
  return `${path}: ${shown(before)} → ${shown(after)}`;
}

const shown = (value: unknown): string => (value === undefined ? '(nothing)' : withoutSecrets(JSON.stringify(value)));
