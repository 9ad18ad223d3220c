import type { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import type { Db } from '../db/connect.ts';
import type { Environment } from '../db/schema.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import {
  type DeliveryQuery,
  type deliveryDetailSchema,
  deliveryIdOf,
  type deliverySchema,
  numberOfDelivery,
} from './schemas.ts';
import type { WebhookDeliveryRow } from './tables.ts';
import { readTries } from './tries.ts';

/** Whose deliveries; null: of both environments. */
export interface DeliveriesOf {
  readonly partnerId: string;
  readonly environment: Environment | null;
}

const ownDeliveries = (db: Db, { partnerId, environment }: DeliveriesOf) =>
  db
    .selectFrom('webhook_deliveries as delivery')
    .innerJoin('webhook_events as event', 'event.event_id', 'delivery.event_id')
    .selectAll('delivery')
    .select(['event.type', 'event.order_id', 'event.payload'])
    .where('event.partner_id', '=', partnerId)
    .$if(environment !== null, (query) => query.where('event.environment', '=', environment ?? 'sandbox'))
    .where('delivery.endpoint_id', 'in', (inner) =>
      inner.selectFrom('webhook_endpoints').select('endpoint_id').where('partner_id', '=', partnerId),
    );

/** A page of a partner's deliveries, newest first. What comes while somebody turns pages is not on them. */
export async function listDeliveries(
  db: Db,
  of: DeliveriesOf,
  query: DeliveryQuery,
): Promise<{ deliveries: z.infer<typeof deliverySchema>[]; next_cursor: string | null }> {
  const { endpoint_id: endpointId, order_id: orderId, event_id: eventId, event_type: type, status, cursor } = query;
  let selected = ownDeliveries(db, of);
  if (endpointId !== undefined) selected = selected.where('delivery.endpoint_id', '=', endpointId);
  if (orderId !== undefined) selected = selected.where('event.order_id', '=', orderId);
  if (eventId !== undefined) selected = selected.where('delivery.event_id', '=', eventId);
  if (type !== undefined) selected = selected.where('event.type', '=', type);
  if (status !== undefined) selected = selected.where('delivery.status', '=', status);
  if (query.created_from !== undefined)
    selected = selected.where('delivery.created_at_ms', '>=', Date.parse(query.created_from));
  if (query.created_to !== undefined)
    selected = selected.where('delivery.created_at_ms', '<', Date.parse(query.created_to));
  if (cursor !== undefined) selected = selected.where('delivery.delivery_id', '<', numberOfDelivery(cursor));
  const rows = await selected
    .orderBy('delivery.delivery_id', 'desc')
    .limit(query.limit + 1)
    .execute();
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    deliveries: page.map(deliveryView),
    next_cursor: rows.length > page.length && last !== undefined ? deliveryIdOf(last.delivery_id) : null,
  };
}

/** @throws PilegateError `webhook.delivery_unknown` */
export async function oneDelivery(
  db: Db,
  of: DeliveriesOf,
  deliveryId: string,
): Promise<z.infer<typeof deliveryDetailSchema>> {
  const row = await ownDeliveries(db, of)
    .where('delivery.delivery_id', '=', numberOfDelivery(deliveryId))
    .executeTakeFirst();
  if (row === undefined) throw new PilegateError('webhook.delivery_unknown', `no delivery ${deliveryId}`);
  const tries = readTries(row.tries).map(({ at_ms: atMs, ...one }) => ({ at: iso(atMs), ...one }));
  return { ...deliveryView(row), tries, body: row.payload };
}

const deliveryView = (
  row: WebhookDeliveryRow & { type: string; order_id: string | null },
): z.infer<typeof deliverySchema> => ({
  delivery_id: deliveryIdOf(row.delivery_id),
  event_id: row.event_id,
  event_type: row.type,
  endpoint_id: row.endpoint_id,
  order_id: row.order_id,
  status: row.status,
  attempts: row.attempts,
  next_attempt_at: row.status === 'pending' ? iso(row.next_attempt_at_ms) : null,
  last_http_status: row.last_http_status,
  last_error: row.last_error,
  replay_id: row.replay_id,
  created_at: iso(row.created_at_ms),
  finished_at: isoOrNull(row.finished_at_ms),
});
