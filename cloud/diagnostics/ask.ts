import { sql } from 'kysely';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import type { Db } from '../db/connect.ts';
import { shardsOf } from '../ingest/shards/leases.ts';
import type { SenderContext } from '../operations/command-sender.ts';

const ASK_AGAIN_MS = 10_000;
/** A site that has not sent everything by then is not asked any more. */
export const BUNDLE_LIFE_MS = 86_400_000;
/** A bundle is kept for so long, complete or not. */
export const BUNDLE_KEPT_MS = 30 * 86_400_000;
const AT_ONCE = 20;

interface DueBundle {
  readonly bundle_id: string;
  readonly site_id: string;
  readonly shard: number;
  readonly next_piece: number;
}

/** Asks for the next piece of every bundle that is under way, and again for those that have not come. */
export async function askDuePieces({ db, clock, down, logger, processId }: SenderContext): Promise<void> {
  const nowMs = clock.wallMs();
  const due = await sql<DueBundle>`
    update diagnostics set next_ask_at_ms = ${nowMs + ASK_AGAIN_MS}::bigint
    from sites
    where sites.site_id = diagnostics.site_id and bundle_id in (
      select bundle_id from diagnostics join sites using (site_id)
      where next_ask_at_ms <= ${nowMs} and requested_at_ms > ${nowMs - BUNDLE_LIFE_MS}
        and shard = any (array(${shardsOf(processId)}))
      order by next_ask_at_ms
      limit ${AT_ONCE}
      for update of diagnostics skip locked)
    returning bundle_id, diagnostics.site_id, shard, next_piece`.execute(db);
  for (const { bundle_id: bundleId, site_id: siteId, shard, next_piece: piece } of due.rows)
    await down.diagnose({ siteId, shard }, { v: WIRE_VERSION, bundleId, piece }).catch((error: unknown) => {
      logger.warn({ err: error, siteId, bundleId }, 'a piece cannot be asked for now, and will be again');
    });
}

/** Ends what has taken too long, and forgets what is old. */
export async function forgetDiagnostics(db: Db, nowMs: number): Promise<void> {
  await db
    .updateTable('diagnostics')
    .set({ status: 'expired', next_ask_at_ms: null })
    .where('status', '=', 'open')
    .where('requested_at_ms', '<=', nowMs - BUNDLE_LIFE_MS)
    .execute();
  await db
    .deleteFrom('diagnostics')
    .where('requested_at_ms', '<=', nowMs - BUNDLE_KEPT_MS)
    .execute();
}
