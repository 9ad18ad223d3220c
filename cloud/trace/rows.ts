import type { Db } from '../db/connect.ts';
import type { CommandRow, Environment, OperationRow, OrderRow } from '../db/schema.ts';

/** Everything that the cloud has about one order, or about a request that has none. */
export interface TraceRows {
  readonly partnerId: string | null;
  readonly environment: Environment;
  readonly order: OrderRow | null;
  readonly operations: readonly OperationRow[];
  readonly commands: readonly CommandRow[];
  readonly live: LiveRow | null;
  readonly cdrs: readonly CdrRow[];
  readonly occupancies: readonly { readonly occupancy_id: string; readonly received_at_ms: number }[];
  readonly exceptions: readonly { readonly code: string; readonly detail: string; readonly created_at_ms: number }[];
  readonly alarms: readonly AlarmRow[];
  readonly deliveries: readonly DeliveryRow[];
  readonly events: readonly { readonly event_id: string; readonly type: string; readonly created_at_ms: number }[];
}

type LiveRow = Awaited<ReturnType<typeof liveOf>>;
type CdrRow = Awaited<ReturnType<typeof cdrsOf>>[number];
type AlarmRow = Awaited<ReturnType<typeof alarmsOf>>[number];
type DeliveryRow = Awaited<ReturnType<ReturnType<typeof deliveries>['executeTakeFirstOrThrow']>>;

/** Several partners may have had the same idea for a name. */
const MOST_ORDERS = 20;

/** Reads, for each order or reservation that a request with this id is about, what is known of it. Newest first. */
export async function readTraces(db: Db, requestId: string): Promise<TraceRows[]> {
  const operations = await db
    .selectFrom('operations')
    .select(['operation_id', 'order_id', 'reservation_id'])
    .where('request_id', '=', requestId)
    .orderBy('created_at_ms', 'desc')
    .limit(MOST_ORDERS)
    .execute();
  const orderIds = new Set(operations.flatMap((row) => row.order_id ?? []));
  const reservationIds = new Set(operations.flatMap((row) => row.reservation_id ?? []));
  return Promise.all([
    ...[...orderIds].map((orderId) => readTrace(db, orderId)),
    ...[...reservationIds].map((reservationId) => readReservationTrace(db, reservationId)),
  ]);
}

/** A reservation has no order. What a charge made of it, its events tell. */
async function readReservationTrace(db: Db, id: string): Promise<TraceRows> {
  const reservation = await db
    .selectFrom('reservations')
    .select(['partner_id', 'environment', 'connector_id'])
    .where('reservation_id', '=', id)
    .executeTakeFirstOrThrow();
  const operations = db.selectFrom('operations').selectAll().where('reservation_id', '=', id);
  const commands = db.selectFrom('commands').selectAll().where('reservation_id', '=', id);
  const events = db.selectFrom('webhook_events').select(['event_id', 'type', 'created_at_ms']).where('lane', '=', id);
  return {
    partnerId: reservation.partner_id,
    environment: reservation.environment,
    order: null,
    operations: await operations.orderBy('created_at_ms').execute(),
    commands: await commands.orderBy('created_at_ms').execute(),
    live: await liveOf(db, reservation.connector_id),
    cdrs: [],
    occupancies: [],
    exceptions: [],
    alarms: [],
    deliveries: await deliveries(db).where('event.lane', '=', id).execute(),
    events: await events.orderBy('created_at_ms').execute(),
  };
}

async function readTrace(db: Db, orderId: string): Promise<TraceRows> {
  const order = await db.selectFrom('orders').selectAll().where('order_id', '=', orderId).executeTakeFirstOrThrow();
  const { partner_id: partnerId, environment, session_id: sessionId } = order;
  return {
    partnerId,
    environment,
    order,
    operations: await db
      .selectFrom('operations')
      .selectAll()
      .where('order_id', '=', orderId)
      .orderBy('created_at_ms')
      .execute(),
    commands: await db
      .selectFrom('commands')
      .selectAll()
      .where('order_id', '=', orderId)
      .orderBy('created_at_ms')
      .execute(),
    live: await liveOf(db, order.connector_id),
    cdrs: await cdrsOf(db, orderId),
    occupancies: await db
      .selectFrom('occupancies')
      .select(['occupancy_id', 'received_at_ms'])
      .where('order_id', '=', orderId)
      .execute(),
    exceptions: await db
      .selectFrom('exceptions')
      .select(['code', 'detail', 'created_at_ms'])
      .where('order_id', '=', orderId)
      .execute(),
    alarms: sessionId === null ? [] : await alarmsOf(db, sessionId),
    deliveries: await deliveries(db).where('event.order_id', '=', orderId).execute(),
    events: await db
      .selectFrom('webhook_events')
      .select(['event_id', 'type', 'created_at_ms'])
      .where('order_id', '=', orderId)
      .orderBy('created_at_ms')
      .execute(),
  };
}

const liveOf = (db: Db, connectorId: string) =>
  db
    .selectFrom('connector_states')
    .select(['status', 'session_id', 'energy_wh', 'power_w', 'current_ma', 'received_at_ms', 'observation_age_ms'])
    .where('connector_id', '=', connectorId)
    .executeTakeFirst()
    .then((row) => row ?? null);

const cdrsOf = (db: Db, orderId: string) =>
  db.selectFrom('cdrs').select(['cdr_id', 'document', 'received_at_ms']).where('order_id', '=', orderId).execute();

const alarmsOf = (db: Db, sessionId: string) =>
  db
    .selectFrom('alarms')
    .select(['code', 'severity', 'detail', 'raised_at_ms', 'received_at_ms'])
    .where('session_id', '=', sessionId)
    .execute();

const deliveries = (db: Db) =>
  db
    .selectFrom('webhook_deliveries as delivery')
    .innerJoin('webhook_events as event', 'event.event_id', 'delivery.event_id')
    .innerJoin('webhook_endpoints as endpoint', 'endpoint.endpoint_id', 'delivery.endpoint_id')
    .select([
      'event.event_id',
      'event.type',
      'delivery.endpoint_id',
      'endpoint.url',
      'delivery.status',
      'delivery.attempts',
      'delivery.last_http_status',
      'delivery.last_error',
      'delivery.next_attempt_at_ms',
      'delivery.created_at_ms',
      'delivery.finished_at_ms',
    ])
    .orderBy('delivery.delivery_id');
