import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** One place where a profile and the simulator's model of the same device do not agree. */
export interface Difference {
  readonly profile: string;
  readonly what: string;
  readonly profileSays: string;
  readonly simulatorSays: string;
}

const knownSchema = z.array(
  z.strictObject({
    profile: z.string(),
    what: z.string(),
    profileSays: z.string(),
    simulatorSays: z.string(),
    /** Why neither of them is an error. */
    why: z.string().min(20),
  }),
);

/** The differences that are known and have a reason, by profile. */
export function knownDifferences(profileId: string): readonly Difference[] {
  const text = readFileSync(join(import.meta.dirname, 'known-differences.json'), 'utf8');
  return sorted(
    knownSchema
      .parse(JSON.parse(text))
      .filter(({ profile }) => profile === profileId)
      .map(({ why: _, ...difference }) => difference),
  );
}

/** The profiles that the list names. */
export function profilesWithDifferences(): readonly string[] {
  const text = readFileSync(join(import.meta.dirname, 'known-differences.json'), 'utf8');
  return [...new Set(knownSchema.parse(JSON.parse(text)).map(({ profile }) => profile))];
}

/** Each difference once, in an order of its own. */
export function sorted(differences: readonly Difference[]): readonly Difference[] {
  const byText = new Map(differences.map((one) => [JSON.stringify(one), one]));
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}
