import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';

/** Where a page ended: the change time and the id of its last row. */
export interface Keyset {
  readonly atMs: number;
  readonly id: string;
}

export const encodeCursor = (keyset: Keyset): string =>
  Buffer.from(JSON.stringify([keyset.atMs, keyset.id])).toString('base64url');

/** @throws PilegateError `request.invalid`: a cursor is used as it was given, or not at all */
export function decodeCursor(cursor: string, idSchema: z.ZodType<string>): Keyset {
  try {
    const [atMs, id] = z
      .tuple([z.int().nonnegative(), idSchema])
      .parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
    return { atMs, id };
  } catch (cause) {
    throw new PilegateError('request.invalid', 'the cursor is not one that was given here', { cause });
  }
}

export const pageQuerySchema = z.strictObject({
  cursor: z.string().max(200).optional().describe('`next_cursor` of the page before'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** Of a list by change time. */
export const changesQuerySchema = pageQuerySchema.extend({
  updated_from: z.iso.datetime({ offset: true }).optional().describe('inclusive'),
  updated_to: z.iso.datetime({ offset: true }).optional().describe('exclusive'),
});

/** The last fields of a page of a list by change time. */
export const pageFields = {
  next_cursor: z.string().nullable().describe('pass it on, also later, to get what comes next'),
  has_more: z.boolean(),
};

/** What of a list by change time is asked for. */
export interface ChangeRange {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly after: Keyset | null;
  readonly limit: number;
}

/** @throws PilegateError `request.invalid` when the cursor is not one of this list */
export function rangeOf(query: z.infer<typeof changesQuerySchema>, idSchema: z.ZodType<string>): ChangeRange {
  const { cursor, limit, updated_from: from, updated_to: to } = query;
  return {
    fromMs: from === undefined ? 0 : Date.parse(from),
    toMs: to === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(to),
    after: cursor === undefined ? null : decodeCursor(cursor, idSchema),
    limit,
  };
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Where to go on; null when the page is empty and there is nowhere to go on from. */
  readonly next: Keyset | null;
  readonly more: boolean;
}

/** @param found one more than fits, when there are more */
export function pageOf<Row>(found: readonly Row[], range: ChangeRange, keyOf: (row: Row) => Keyset): Page<Row> {
  const rows = found.slice(0, range.limit);
  const last = rows.at(-1);
  return { rows, next: last === undefined ? range.after : keyOf(last), more: found.length > range.limit };
}

/** The page's place, as `pageFields` has it. */
export const placeOf = ({ next, more }: Page<unknown>) => ({
  next_cursor: next === null ? null : encodeCursor(next),
  has_more: more,
});
