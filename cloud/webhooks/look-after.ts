import { sql } from 'kysely';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { takeEach } from '../runtime/take-each.ts';
import { freeForgotten } from './claim.ts';
import { disableWithNotice } from './disable.ts';

/** What happens waits for a paused endpoint, but not for ever. */
export const LONGEST_PAUSE_MS = 14 * 86_400_000;
/** Rows of one statement: others wait for no more than that. */
const ROWS_AT_ONCE = 5_000;

type CareContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger' | 'settings'>;

/** What no request and no delivery does: ends pauses that were forgotten, and forgets what is over. */
export async function lookAfterWebhooks(context: CareContext): Promise<void> {
  const nowMs = context.clock.wallMs();
  await freeForgotten(context.db, nowMs);
  await endLongPauses(context, nowMs);
  await forgetWebhooks(context.db, nowMs - context.settings.webhooksKeepMs);
}

async function endLongPauses(context: CareContext, nowMs: number): Promise<void> {
  const paused = await pausedTooLong(context.db, nowMs).execute();
  await takeEach(paused, ({ endpoint_id: id }) =>
    transaction(context.db, async (trx) => {
      // Its partner may just have ended the pause.
      const still = await pausedTooLong(trx, nowMs).where('endpoint_id', '=', id).forUpdate().executeTakeFirst();
      if (still !== undefined) await disableWithNotice(context, trx, id, 'paused for 14 days', nowMs);
    }),
  );
}

const pausedTooLong = (db: Db | Trx, nowMs: number) =>
  db
    .selectFrom('webhook_endpoints')
    .select('endpoint_id')
    .where('paused_at_ms', '<=', nowMs - LONGEST_PAUSE_MS)
    .where('disabled_at_ms', 'is', null);

/**
 * Forgets deliveries that are over, events that nobody is waiting for, and endpoints that were deleted, from before a time. What is
 * pending stays.
 */
export async function forgetWebhooks(db: Db, beforeMs: number): Promise<void> {
  const statements = [
    sql`delete from webhook_deliveries where ctid in (
      select ctid from webhook_deliveries
      where created_at_ms < ${beforeMs} and status <> 'pending' limit ${ROWS_AT_ONCE})`,
    sql`delete from webhook_events where ctid in (
      select event.ctid from webhook_events event
      where event.created_at_ms < ${beforeMs}
        and not exists (select 1 from webhook_deliveries delivery where delivery.event_id = event.event_id)
      limit ${ROWS_AT_ONCE})`,
    sql`delete from webhook_endpoints where ctid in (
      select endpoint.ctid from webhook_endpoints endpoint
      where endpoint.deleted_at_ms < ${beforeMs}
        and not exists (select 1 from webhook_deliveries delivery where delivery.endpoint_id = endpoint.endpoint_id)
      limit ${ROWS_AT_ONCE})`,
    sql`delete from webhook_replays where ctid in (
      select ctid from webhook_replays where created_at_ms < ${beforeMs} limit ${ROWS_AT_ONCE})`,
  ];
  for (const statement of statements) {
    for (;;) {
      const { numAffectedRows } = await statement.execute(db);
      if ((numAffectedRows ?? 0n) < BigInt(ROWS_AT_ONCE)) break;
    }
  }
}
