import { sql } from 'kysely';
import { z } from 'zod';
import type { Environment, OrderRow } from '../db/schema.ts';
import type { Trx } from '../db/transaction.ts';
import { iso } from '../http/iso.ts';
import { orderView } from '../orders/view.ts';
import type { Random } from '../random.ts';
import { type EventType, isWanted } from './event-types.ts';

export interface EventContext {
  readonly trx: Trx;
  readonly random: Random;
  readonly nowMs: number;
}

export interface NewEvent {
  readonly partnerId: string;
  readonly environment: Environment;
  readonly orderId: string | null;
  /**
   * What it is in order with, at each endpoint: the id of a reservation, a connector, a station. Absent: its order; without an
   * order it waits for nothing.
   */
  readonly lane?: string;
  readonly type: EventType;
  readonly data: object;
  /** Null: every endpoint that wants this type. */
  readonly onlyEndpointId: string | null;
}

/**
 * Writes an event and one delivery per endpoint, in the transaction of the change it tells of: both are stored
 * or neither. The payload is written once, so that every attempt sends the same bytes.
 *
 * @returns the event's id, which is the receiver's `webhook-id`
 */
export async function recordEvent(context: EventContext, event: NewEvent): Promise<string> {
  const { trx, nowMs } = context;
  const eventId = `msg_${context.random.uuid().replaceAll('-', '')}`;
  const row = {
    event_id: eventId,
    partner_id: event.partnerId,
    environment: event.environment,
    order_id: event.orderId,
    lane: event.lane ?? null,
    type: event.type,
    payload: JSON.stringify({ type: event.type, timestamp: iso(nowMs), data: event.data }),
    created_at_ms: nowMs,
  };
  const endpoints = await trx
    .with('event', (db) => db.insertInto('webhook_events').values(row))
    .selectFrom('webhook_endpoints')
    .select(['endpoint_id', 'event_types'])
    .where('partner_id', '=', event.partnerId)
    .where('environment', '=', event.environment)
    .where('disabled_at_ms', 'is', null)
    .where('deleted_at_ms', 'is', null)
    // An endpoint that is just being disabled must not be given one more delivery that nobody cancels.
    .forShare()
    .execute();
  const wanting = endpoints.filter((endpoint) =>
    event.onlyEndpointId === null
      ? isWanted(event.type, chosenTypes(endpoint.event_types))
      : endpoint.endpoint_id === event.onlyEndpointId,
  );
  if (wanting.length === 0) return eventId;
  const lane = event.lane ?? event.orderId ?? eventId;
  await trx
    .insertInto('webhook_deliveries')
    .values(
      wanting.map((endpoint) => ({
        event_id: eventId,
        endpoint_id: endpoint.endpoint_id,
        lane,
        status: 'pending' as const,
        next_attempt_at_ms: lane === eventId ? nowMs : notBefore(endpoint.endpoint_id, lane, nowMs),
        created_at_ms: nowMs,
      })),
    )
    .execute();
  return eventId;
}

/** Behind one that has been put off it waits as well: the workers need not look at it until then. */
const notBefore = (endpointId: string, lane: string, nowMs: number) => sql<number>`greatest(${nowMs}::bigint, (
  select max(before.next_attempt_at_ms) from webhook_deliveries before
  where before.endpoint_id = ${endpointId} and before.lane = ${lane} and before.status = 'pending'))`;

/** The list of types as it is stored; null: the endpoint has none. */
export const chosenTypes = (stored: string | null): readonly string[] | null =>
  stored === null ? null : z.array(z.string()).parse(JSON.parse(stored));

/**
 * Tells the partner of an order. The data is the order as the API shows it. Orders begun on site are nobody's.
 *
 * @param more what the data of this type has besides
 */
export async function recordOrderEvent(
  context: EventContext,
  type: EventType,
  order: OrderRow,
  more: object = {},
): Promise<void> {
  if (order.partner_id === null) return;
  await recordEvent(context, {
    partnerId: order.partner_id,
    environment: order.environment,
    orderId: order.order_id,
    type,
    data: { ...(await orderView(context.trx, order, context.nowMs)), ...more },
    onlyEndpointId: null,
  });
}
