import { sql } from 'kysely';
import { PilegateError } from '#shared/errors.ts';
import { digestOf } from '../canonical-json.ts';
import type { CloudContext } from '../context.ts';
import type { Environment } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { iso } from '../http/iso.ts';
import { type EventType, eventTypes, isWanted } from './event-types.ts';
import { chosenTypes } from './record-event.ts';
import { type Replayed, type ReplayWish, replayedSchema } from './schemas.ts';
import type { WebhookEndpointRow } from './tables.ts';

/** Events that one replay takes. */
export const MOST_AT_ONCE = 1_000;
/** Replayed events of a partner that may wait at a time. */
export const MOST_WAITING = 5_000;
const ASK_AGAIN_S = 60;

type ReplayContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'wake'>;

interface Owner {
  readonly partnerId: string;
  readonly environment: Environment;
}

/**
 * Sends events once more, with the `webhook-id` that they had, behind everything that is waiting and in the order in which they
 * happened. The same `request_id` does it once, and is answered the same again.
 *
 * @throws PilegateError `request_id.reused`, `webhook.unknown`, `webhook.event_unknown`, `webhook.disabled`, `webhook.replay_busy`
 */
export async function replayEvents(context: ReplayContext, owner: Owner, wish: ReplayWish): Promise<Replayed> {
  const { clock, random } = context;
  const replay = {
    replay_id: `wr_${random.uuid().replaceAll('-', '')}`,
    partner_id: owner.partnerId,
    environment: owner.environment,
    request_id: wish.request_id,
    body_sha256: digestOf(wish),
    created_at_ms: clock.wallMs(),
  };
  const answer = await transaction(context.db, async (trx) => {
    // Whoever asks the same at the same time waits here until this one has ended.
    const { numInsertedOrUpdatedRows: inserted } = await trx
      .insertInto('webhook_replays')
      .values({ ...replay, answer: '{}' })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (inserted === 0n) return firstAnswer(trx, replay);
    const done = { replay_id: replay.replay_id, ...(await addDeliveries(trx, owner, wish, replay)) };
    await trx
      .updateTable('webhook_replays')
      .set({ answer: JSON.stringify(done) })
      .where('replay_id', '=', replay.replay_id)
      .execute();
    return done;
  });
  context.wake.deliveries();
  return answer;
}

async function firstAnswer(
  trx: Trx,
  asked: { partner_id: string; environment: Environment; request_id: string; body_sha256: string },
): Promise<Replayed> {
  const first = await trx
    .selectFrom('webhook_replays')
    .select(['body_sha256', 'answer'])
    .where('partner_id', '=', asked.partner_id)
    .where('environment', '=', asked.environment)
    .where('request_id', '=', asked.request_id)
    .executeTakeFirstOrThrow();
  if (first.body_sha256 !== asked.body_sha256)
    throw new PilegateError('request_id.reused', `request_id ${asked.request_id} belongs to another request`);
  return replayedSchema.parse(JSON.parse(first.answer));
}

interface Replay {
  readonly replay_id: string;
  readonly created_at_ms: number;
}

async function addDeliveries(trx: Trx, owner: Owner, wish: ReplayWish, replay: Replay) {
  await refuseTooMany(trx, owner);
  const endpoints = await endpointsFor(trx, owner, wish.endpoint_id);
  if (wish.event_id === undefined) return addRange(trx, endpoints, wish, replay);
  const event = await trx
    .selectFrom('webhook_events')
    .select(['event_id', 'lane', 'order_id', 'type'])
    .where('event_id', '=', wish.event_id)
    .where('partner_id', '=', owner.partnerId)
    .where('environment', '=', owner.environment)
    .executeTakeFirst();
  if (event === undefined) throw new PilegateError('webhook.event_unknown', `no event ${wish.event_id}`);
  const wanting = endpoints.filter(
    ({ event_types: types }) => wish.endpoint_id !== undefined || isWanted(event.type as EventType, chosenTypes(types)),
  );
  let deliveries = 0;
  for (const { endpoint_id } of wanting) deliveries += await insert(trx, endpoint_id, [event], replay);
  return { deliveries, next_from: null };
}

/** Held until the end, as while an event is recorded: one that is just being disabled must not be given a delivery that nobody cancels. */
async function endpointsFor(trx: Trx, owner: Owner, endpointId: string | undefined): Promise<WebhookEndpointRow[]> {
  const rows = await trx
    .selectFrom('webhook_endpoints')
    .selectAll()
    .where('partner_id', '=', owner.partnerId)
    .where('environment', '=', owner.environment)
    .where('deleted_at_ms', 'is', null)
    .$if(endpointId !== undefined, (query) => query.where('endpoint_id', '=', endpointId ?? ''))
    .orderBy('endpoint_id')
    .forShare()
    .execute();
  if (endpointId !== undefined && rows.length === 0)
    throw new PilegateError('webhook.unknown', `no webhook endpoint ${endpointId}`);
  const enabled = rows.filter((row) => row.disabled_at_ms === null);
  if (endpointId !== undefined && enabled.length === 0)
    throw new PilegateError('webhook.disabled', `webhook endpoint ${endpointId}`);
  return enabled;
}

async function refuseTooMany(trx: Trx, owner: Owner): Promise<void> {
  // Two at once count one after the other.
  await sql`select pg_advisory_xact_lock(hashtext(${`webhook-replay ${owner.partnerId}`}))`.execute(trx);
  const { waiting } = await trx
    .selectFrom('webhook_deliveries as delivery')
    .innerJoin('webhook_endpoints as endpoint', 'endpoint.endpoint_id', 'delivery.endpoint_id')
    .select(({ fn }) => fn.countAll<number>().as('waiting'))
    .where('endpoint.partner_id', '=', owner.partnerId)
    .where('delivery.status', '=', 'pending')
    .where('delivery.replay_id', 'is not', null)
    .executeTakeFirstOrThrow();
  if (waiting < MOST_WAITING) return;
  throw new PilegateError('webhook.replay_busy', `${waiting} are waiting`, { retryAfterS: ASK_AGAIN_S });
}

async function addRange(trx: Trx, endpoints: readonly WebhookEndpointRow[], wish: ReplayWish, replay: Replay) {
  const [endpoint] = endpoints;
  if (endpoint === undefined || wish.created_from === undefined || wish.created_to === undefined)
    throw new Error('the range is not one');
  const chosen = chosenTypes(endpoint.event_types);
  const found = await trx
    .selectFrom('webhook_events as event')
    .leftJoinLateral(
      (inner) =>
        inner
          .selectFrom('webhook_deliveries as delivery')
          .select('delivery.status')
          .whereRef('delivery.event_id', '=', 'event.event_id')
          .where('delivery.endpoint_id', '=', endpoint.endpoint_id)
          .orderBy('delivery.delivery_id', 'desc')
          .limit(1)
          .as('last'),
      (join) => join.onTrue(),
    )
    .select(['event.event_id', 'event.lane', 'event.order_id', 'event.created_at_ms', 'event.position'])
    .where('event.partner_id', '=', endpoint.partner_id)
    .where('event.environment', '=', endpoint.environment)
    .where('event.created_at_ms', '>=', Date.parse(wish.created_from))
    .where('event.created_at_ms', '<', Date.parse(wish.created_to))
    .where(
      'event.type',
      'in',
      eventTypes.filter((type) => isWanted(type, chosen)),
    )
    .where(NOT_ABOUT_OTHERS)
    .where(wish.which === 'all' ? sql<boolean>`last.status is distinct from 'pending'` : NOT_DELIVERED)
    // By time, as the next replay goes on by it: what was begun earlier may have been stored later.
    .orderBy('event.created_at_ms')
    .orderBy('event.position')
    .limit(MOST_AT_ONCE + 1)
    .execute();
  const page = found.slice(0, MOST_AT_ONCE).sort((one, other) => one.position - other.position);
  const deliveries = await insert(trx, endpoint.endpoint_id, page, replay);
  const beyond = found[MOST_AT_ONCE];
  return { deliveries, next_from: beyond === undefined ? null : iso(beyond.created_at_ms) };
}

/** What is told of the endpoints themselves was meant for those that got it. */
const NOT_ABOUT_OTHERS = sql<boolean>`(event.type not like 'webhook.%' or last.status is not null)`;
const NOT_DELIVERED = sql<boolean>`(last.status is null or last.status in ('failed', 'cancelled'))`;

/** At the end of each lane, in the order given. Returns how many were not waiting already. */
async function insert(
  trx: Trx,
  endpointId: string,
  events: readonly { event_id: string; lane: string | null; order_id: string | null }[],
  { replay_id, created_at_ms: nowMs }: Replay,
): Promise<number> {
  if (events.length === 0) return 0;
  const result = await trx
    .insertInto('webhook_deliveries')
    .values(
      events.map((event) => ({
        event_id: event.event_id,
        endpoint_id: endpointId,
        lane: event.lane ?? event.order_id ?? event.event_id,
        status: 'pending' as const,
        next_attempt_at_ms: nowMs,
        replay_id,
        created_at_ms: nowMs,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return Number(result.numInsertedOrUpdatedRows ?? 0n);
}
