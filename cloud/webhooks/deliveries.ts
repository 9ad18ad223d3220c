import type { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import type { Caller } from '../partners/caller.ts';
import type { deliverySchema } from './schemas.ts';

/** A partner's deliveries, newest first, of one order or of all. */
export async function listDeliveries(
  db: Db,
  caller: Caller,
  orderId: string | null,
  limit: number,
): Promise<z.infer<typeof deliverySchema>[]> {
  const rows = await db
    .selectFrom('webhook_deliveries as delivery')
    .innerJoin('webhook_events as event', 'event.event_id', 'delivery.event_id')
    .selectAll('delivery')
    .select(['event.type', 'event.order_id'])
    .where('event.partner_id', '=', caller.partnerId)
    .where('event.environment', '=', caller.environment)
    .$if(orderId !== null, (query) => query.where('event.order_id', '=', orderId))
    .orderBy('delivery.delivery_id', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    event_id: row.event_id,
    event_type: row.type,
    endpoint_id: row.endpoint_id,
    order_id: row.order_id,
    status: row.status,
    attempts: row.attempts,
    next_attempt_at: row.status === 'pending' ? iso(row.next_attempt_at_ms) : null,
    last_http_status: row.last_http_status,
    last_error: row.last_error,
    created_at: iso(row.created_at_ms),
    finished_at: isoOrNull(row.finished_at_ms),
  }));
}
