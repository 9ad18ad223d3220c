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
