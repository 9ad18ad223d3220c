import { sql } from 'kysely';
import type { Db } from '../db/connect.ts';
import type { ClaimedDelivery } from './claim.ts';
import { addTry, type Try } from './tries.ts';

export interface Attempted {
  readonly delivery: ClaimedDelivery;
  readonly attempt: Try;
}

/**
 * Writes down what has come through, many at once: each statement ends by itself, so nobody waits for another's rows while holding
 * some. Only where the lease is still ours: another process may have taken over. What was cancelled on its way is delivered all the same.
 */
export async function recordDelivered(db: Db, done: readonly Attempted[], nowMs: number): Promise<void> {
  const ordered = done.toSorted((one, other) => one.delivery.delivery_id - other.delivery.delivery_id);
  const rows = ordered.map(({ delivery, attempt }) => ({
    delivery_id: delivery.delivery_id,
    leased_until_ms: delivery.leased_until_ms,
    http_status: attempt.http_status,
    tries: addTry(delivery.tries, attempt),
  }));
  await sql`
    update webhook_deliveries delivery set status = 'delivered', attempts = delivery.attempts + 1, leased_until_ms = null,
      last_http_status = done.http_status, last_error = null, tries = done.tries, finished_at_ms = ${nowMs}::bigint
    from json_to_recordset(${JSON.stringify(rows)}::json)
      as done (delivery_id bigint, leased_until_ms bigint, http_status integer, tries text)
    where delivery.delivery_id = done.delivery_id
      and delivery.leased_until_ms = done.leased_until_ms
      and delivery.status in ('pending', 'cancelled')`.execute(db);
  await db
    .updateTable('webhook_endpoints')
    .set({ failing_since_ms: null })
    .where('endpoint_id', 'in', [...new Set(done.map(({ delivery }) => delivery.endpoint_id))])
    .where('failing_since_ms', 'is not', null)
    .execute();
}
