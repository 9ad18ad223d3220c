import type { z } from 'zod';
import type { DocumentPath } from './parse-jsonc.ts';

type Schema = z.core.$ZodType;

/** The keys that a schema knows at a path of a document; of several shapes those of all. */
export function knownKeys(schema: Schema, path: DocumentPath): string[] {
  const here = path.reduce<readonly Schema[]>(
    (schemas, segment) => schemas.flatMap((one) => inside(one, segment)),
    [schema],
  );
  return [...new Set(here.flatMap((one) => shapesOf(one).flatMap(({ shape }) => Object.keys(shape))))];
}

/** The known key that was probably meant; null when none is near. */
export function meant(key: string, known: readonly string[]): string | null {
  const most = Math.max(1, Math.floor(key.length / 3));
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: editDistance(key.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= most)
    .toSorted((a, b) => a.distance - b.distance);
  return nearest?.candidate ?? null;
}

function inside(schema: Schema, segment: PropertyKey): readonly Schema[] {
  const plain = unwrapped(schema);
  if (isOf(plain, 'array')) return [plain._zod.def.element];
  if (isOf(plain, 'record')) return [plain._zod.def.valueType];
  return shapesOf(plain).flatMap(({ shape }) => {
    const member = shape[String(segment)];
    return member === undefined ? [] : [member];
  });
}

function shapesOf(schema: Schema): { readonly shape: Readonly<Record<string, Schema>> }[] {
  const plain = unwrapped(schema);
  if (isOf(plain, 'object')) return [plain._zod.def];
  return isOf(plain, 'union') ? plain._zod.def.options.flatMap(shapesOf) : [];
}

/** What stands behind optional, defaults and pipes. */
function unwrapped(schema: Schema): Schema {
  if (isOf(schema, 'optional') || isOf(schema, 'default') || isOf(schema, 'prefault') || isOf(schema, 'nullable'))
    return unwrapped(schema._zod.def.innerType);
  return isOf(schema, 'pipe') ? unwrapped(schema._zod.def.in) : schema;
}

interface Kinds {
  readonly array: z.core.$ZodArray;
  readonly record: z.core.$ZodRecord;
  readonly object: z.core.$ZodObject;
  readonly union: z.core.$ZodUnion;
  readonly optional: z.core.$ZodOptional;
  readonly default: z.core.$ZodDefault;
  readonly prefault: z.core.$ZodPrefault;
  readonly nullable: z.core.$ZodNullable;
  readonly pipe: z.core.$ZodPipe;
}

const isOf = <Kind extends keyof Kinds>(schema: Schema, kind: Kind): schema is Kinds[Kind] =>
  schema._zod.def.type === kind;

/** Of Levenshtein: letters that are put in, left out or exchanged. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const exchanged = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(exchanged, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
