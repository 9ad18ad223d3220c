import { sql } from 'kysely';
import type { Db } from '../db/connect.ts';

/** Longer than an attempt can take; a worker that dies gives its work back after this. */
export const LEASE_MS = 30_000;

export interface ClaimedDelivery {
  readonly delivery_id: number;
  readonly event_id: string;
  readonly endpoint_id: string;
  readonly attempts: number;
  readonly leased_until_ms: number;
}

/** Endpoints that have something due and are not among `busy`. */
export async function endpointsWithDue(db: Db, busy: readonly string[], nowMs: number): Promise<string[]> {
  const rows = await db
    .selectFrom('webhook_deliveries as delivery')
    .innerJoin('webhook_endpoints as endpoint', 'endpoint.endpoint_id', 'delivery.endpoint_id')
    .select('delivery.endpoint_id')
    .distinct()
    .where('delivery.status', '=', 'pending')
    .where('delivery.next_attempt_at_ms', '<=', nowMs)
    .where('endpoint.disabled_at_ms', 'is', null)
    .$if(busy.length > 0, (query) => query.where('delivery.endpoint_id', 'not in', [...busy]))
    .execute();
  return rows.map((row) => row.endpoint_id);
}

/**
 * Leases due deliveries of one endpoint: of every order only the earliest that is still pending, so that a
 * later event never overtakes. Rows that another worker is just taking are passed over.
 */
export async function claimDue(db: Db, endpointId: string, limit: number, nowMs: number): Promise<ClaimedDelivery[]> {
  const claimed = await sql<ClaimedDelivery>`
    update webhook_deliveries set leased_until_ms = ${nowMs + LEASE_MS}::bigint
    where delivery_id in (
      select delivery.delivery_id from webhook_deliveries delivery
      where delivery.endpoint_id = ${endpointId}
        and delivery.status = 'pending'
        and delivery.next_attempt_at_ms <= ${nowMs}
        and (delivery.leased_until_ms is null or delivery.leased_until_ms <= ${nowMs})
        and not exists (
          select 1 from webhook_deliveries earlier
          where earlier.endpoint_id = delivery.endpoint_id
            and earlier.lane = delivery.lane
            and earlier.status = 'pending'
            and earlier.delivery_id < delivery.delivery_id)
      order by delivery.next_attempt_at_ms, delivery.delivery_id
      limit ${limit}
      for update skip locked)
    returning delivery_id, event_id, endpoint_id, attempts, leased_until_ms`.execute(db);
  return claimed.rows;
}
