import { sql } from 'kysely';
import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { transaction } from '../db/transaction.ts';
import type { Caller } from '../partners/caller.ts';

/** A stream whose process says nothing of it for so long is no more. */
export const SEEN_WITHIN_MS = 15_000;

type PlaceContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'processId'>;

type StreamKey = Pick<Caller, 'keyId' | 'familyId'>;

/**
 * Takes one of the places that a key, with those that it was rotated from and to, has for streams, over all processes.
 *
 * @returns the name of the place
 * @throws PilegateError `stream.too_many`
 */
export const takePlace = (context: PlaceContext, { keyId, familyId }: StreamKey, most: number): Promise<string> =>
  transaction(context.db, async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtext(${`status-stream ${familyId}`}))`.execute(trx);
    const nowMs = context.clock.wallMs();
    const open = await trx
      .selectFrom('status_streams')
      .select('stream_id')
      .where('key_id', 'in', trx.selectFrom('partner_keys').select('key_id').where('family_id', '=', familyId))
      .where('seen_at_ms', '>', nowMs - SEEN_WITHIN_MS)
      .execute();
    if (open.length >= most) {
      const retryAfterS = SEEN_WITHIN_MS / 1000;
      throw new PilegateError('stream.too_many', `${open.length} are open, ${most} may be`, { retryAfterS });
    }
    const streamId = context.random.uuid();
    const times = { opened_at_ms: nowMs, seen_at_ms: nowMs };
    await trx
      .insertInto('status_streams')
      .values({ stream_id: streamId, key_id: keyId, process_id: context.processId, ...times })
      .execute();
    return streamId;
  });

export const leavePlace = (db: Db, streamId: string) =>
  db.deleteFrom('status_streams').where('stream_id', '=', streamId).execute();

/** Says that the streams of a process are still there. */
export async function keepPlaces(db: Db, streamIds: readonly string[], nowMs: number): Promise<void> {
  if (streamIds.length === 0) return;
  await db.updateTable('status_streams').set({ seen_at_ms: nowMs }).where('stream_id', 'in', streamIds).execute();
}

/** Forgets the places of processes that have ended without a word. */
export const sweepPlaces = (db: Db, nowMs: number) =>
  db
    .deleteFrom('status_streams')
    .where('seen_at_ms', '<', nowMs - 4 * SEEN_WITHIN_MS)
    .execute();
