import { z } from 'zod';

/** What the validator says of one place. */
interface Misfit {
  readonly keyword?: string;
  /** Its steps, each behind a slash; a slash alone is the whole. */
  readonly instancePath: string;
  readonly params?: unknown;
  readonly message?: string;
}

/** Enough to correct a request; one that was made to be wrong is not answered with a book. */
const MOST = 50;

const unknownKeysSchema = z.object({ keys: z.array(z.string()).min(1) });

/** A JSON Pointer (RFC 6901) as a URI fragment; of no steps, the whole. */
export const pointerTo = (steps: readonly string[]): string =>
  `#${steps.map((step) => `/${encodeURIComponent(step.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('')}`;

/** Every bad field by a pointer of its own, also those that nobody knows. */
export function complaintsAbout(misfits: readonly Misfit[]): { pointer: string; detail: string }[] {
  return misfits
    .flatMap(({ keyword, instancePath, params, message = 'does not fit' }) => {
      const steps = instancePath.split('/').slice(1);
      const place = steps.length === 1 && steps[0] === '' ? [] : steps;
      const unknown = keyword === 'unrecognized_keys' ? unknownKeysSchema.safeParse(params) : null;
      if (unknown?.success !== true) return [{ pointer: pointerTo(place), detail: message }];
      return unknown.data.keys.map((key) => ({ pointer: pointerTo([...place, key]), detail: 'unknown field' }));
    })
    .slice(0, MOST);
}
