import { type RawBuilder, sql } from 'kysely';
import { z } from 'zod';
import {
  type ChangeRange,
  changesQuerySchema,
  decodeCursor,
  encodeCursor,
  type Keyset,
  rangeOf,
} from '../http/cursor.ts';

/** Of lists that show what has just changed as well. Their cursors may hold two places. */
export const readingQuerySchema = changesQuerySchema.extend({
  cursor: z.string().max(400).optional().describe('`next_cursor` of the page before'),
});

/** What of such a list is asked for. Its `after` is how far what is settled was read: nothing can appear before that any more. */
export interface ReadingRange extends ChangeRange {
  /** How far a reading has come that goes on behind what is settled; null: it has not come there. */
  readonly ahead: Keyset | null;
}

/** A page of it, with the place from which the next one goes on. */
export interface ReadingPage<Row> extends Pick<ReadingRange, 'after' | 'ahead'> {
  readonly rows: readonly Row[];
  readonly more: boolean;
}

const SEPARATOR = '.';

/** @throws PilegateError `request.invalid` when the cursor is not one of this list */
export function readingOf(query: z.infer<typeof readingQuerySchema>, idSchema: z.ZodType<string>): ReadingRange {
  const [after, ahead] = query.cursor?.split(SEPARATOR) ?? [];
  // With a second place the first may be missing: nothing was settled yet.
  const cursor = after === '' && ahead !== undefined ? undefined : after;
  const range = rangeOf({ ...query, cursor }, idSchema);
  return { ...range, ahead: ahead === undefined ? null : decodeCursor(ahead, idSchema) };
}

/** True for what has changed in the range and comes after its place, by the time of the change and `id`. */
export function changedIn(
  range: ReadingRange,
  { at, id }: { readonly at: RawBuilder<number>; readonly id: RawBuilder<string> },
): RawBuilder<boolean> {
  const { atMs, id: lastId } = range.ahead ?? range.after ?? { atMs: -1, id: '' };
  return sql<boolean>`(${at} >= ${range.fromMs} and ${at} < ${range.toMs}
    and (${at}, ${id}) > (${atMs}::bigint, ${lastId}::text))`;
}

/**
 * A page of a reading that ends with what is not settled yet. The next reading begins again behind what was settled, so that what commits late is
 * found, and what had just changed comes once more.
 *
 * @param found one more than fits, when there are more
 * @param settledMs from before the query: what changed earlier is complete
 */
export function pageOfReading<Row>(
  found: readonly Row[],
  range: ReadingRange,
  settledMs: number,
  keyOf: (row: Row) => Keyset,
): ReadingPage<Row> {
  const rows = found.slice(0, range.limit);
  const more = found.length > range.limit;
  const keys = rows.map(keyOf);
  const last = keys.at(-1) ?? null;
  const isAhead = range.ahead !== null;
  return {
    rows,
    more,
    after: (isAhead ? undefined : keys.findLast(({ atMs }) => atMs < settledMs)) ?? range.after,
    ahead: more && last !== null && (isAhead || last.atMs >= settledMs) ? last : null,
  };
}

/** The page's place, as `pageFields` has it. */
export const placeOfReading = ({ after, ahead, more }: ReadingPage<unknown>) => {
  const settled = after === null ? '' : encodeCursor(after);
  const cursor = ahead === null ? settled : settled + SEPARATOR + encodeCursor(ahead);
  return { next_cursor: cursor === '' ? null : cursor, has_more: more };
};
