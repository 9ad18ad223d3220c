import { createHash } from 'node:crypto';
import { outcomeText } from '../sync/asker.ts';
import type { Books } from '../sync/books.ts';
import type { Block } from './block.ts';
import type { Hands } from './hands.ts';
import type { ApiBooks, BookedDelivery, BookedRequest, ToldEnd } from './judge-api.ts';
import type { BookedReservation } from './judge-reservations.ts';
import type { MoodyEvent, MoodyReceiver } from './moody-receiver.ts';
import { whatWasChanged } from './witness.ts';

/** What stands in the database, and what partners were answered and told. */
export async function readApiBooks(
  { db }: Pick<Block, 'db'>,
  books: Books,
  hands: Hands,
  receivers: readonly MoodyReceiver[],
): Promise<ApiBooks> {
  const requests = await readRequests(db);
  const events = receivers.flatMap((receiver) => receiver.events);
  const told = new Map(books.orders.map((order) => [order.orderId, order.told]));
  return {
    sent: hands.sent,
    unanswered: hands.open,
    requests,
    deliveries: await readDeliveries(db),
    // Each receiver counts for itself; an order is told to one of them.
    attempts: receivers.flatMap(({ attempts }) => attempts),
    cdrs: books.cdrs,
    ends: events.filter(({ type }) => type === 'charge.ended').map(toldEnd),
    reservations: await readReservations(db, events),
    changed: await whatWasChanged(db),
    starts: requests
      .filter(({ kind }) => kind === 'start')
      .map(({ orderId, outcome }) => ({ orderId: orderId ?? '', outcome, told: told.get(orderId ?? '') ?? [] })),
  };
}

async function readRequests(db: Block['db']): Promise<BookedRequest[]> {
  const { rows } = await db.query<{
    partner_id: string;
    request_id: string;
    operation_id: string;
    kind: string;
    order_id: string | null;
    reservation_id: string | null;
    presents: string | null;
    status: string;
    code: string | null;
  }>(
    `select partner_id, request_id, o.operation_id, o.kind, o.order_id, o.reservation_id, o.status, o.code,
       c.document::jsonb ->> 'reservationId' as presents
     from operations o left join commands c on c.operation_id = o.operation_id and c.kind = 'start'`,
  );
  return rows.map((row) => ({
    partnerId: row.partner_id,
    requestId: row.request_id,
    operationId: row.operation_id,
    kind: row.kind,
    orderId: row.order_id,
    reservationId: row.reservation_id,
    presents: row.presents,
    outcome: outcomeText(row.status, row.code),
  }));
}

async function readDeliveries(db: Block['db']): Promise<BookedDelivery[]> {
  const { rows } = await db.query<{ event_id: string; lane: string; status: string; payload: string }>(
    `select event_id, delivery.lane, status, payload from webhook_deliveries delivery join webhook_events using (event_id)
     order by delivery_id`,
  );
  return rows.map((row) => ({
    eventId: row.event_id,
    lane: row.lane,
    status: row.status,
    payloadSha256: createHash('sha256').update(row.payload).digest('hex'),
  }));
}

async function readReservations(db: Block['db'], events: readonly MoodyEvent[]): Promise<BookedReservation[]> {
  const { rows } = await db.query<{
    reservation_id: string;
    connector_id: string;
    state: string;
    active_at_ms: string | null;
    ended_at_ms: string | null;
    order_id: string | null;
  }>('select reservation_id, connector_id, state, active_at_ms, ended_at_ms, order_id from reservations');
  const msOrNull = (value: string | null) => (value === null ? null : Number(value));
  return rows.map((row) => ({
    reservationId: row.reservation_id,
    connectorId: row.connector_id,
    state: row.state,
    activeAtMs: msOrNull(row.active_at_ms),
    endedAtMs: msOrNull(row.ended_at_ms),
    orderId: row.order_id,
    told: events.filter(({ data }) => data.reservation_id === row.reservation_id).map(({ type }) => type),
  }));
}

const toldEnd = ({ data }: MoodyEvent): ToldEnd => ({
  sessionId: data.session_id,
  energyWh: data.energy_wh,
  amountMinor: data.amount_due?.minor ?? null,
});
