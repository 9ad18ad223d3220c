import type { Selectable } from 'kysely';
import type { CloudContext } from '../context.ts';
import type { Database } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { iso } from '../http/iso.ts';
import { usableConnectors } from '../stations/usable.ts';
import { isWanted } from '../webhooks/event-types.ts';
import { chosenTypes } from '../webhooks/record-event.ts';
import { changeView } from './messages.ts';
import { setPosition } from './number-changes.ts';
import { type PlacedChange, readChanges } from './read-changes.ts';

const TYPE = 'connector.status_changed';
const AT_ONCE = 500;
/** What the list of deliveries tells of one that a newer one took the place of. */
export const SUPERSEDED = 'superseded by a newer status of the connector';

type TellContext = Pick<CloudContext, 'db' | 'clock' | 'random'>;
type Endpoint = Pick<
  Selectable<Database['webhook_endpoints']>,
  'endpoint_id' | 'partner_id' | 'environment' | 'event_types'
>;

/**
 * Makes webhook events of the changes that come next in the log, for the endpoints that want them by name. Which changes are done is written
 * in the same transaction, so each is told once, whatever happens. Of a connector only the newest status waits at an endpoint: one
 * that is not on its way yet gives way to it.
 *
 * @returns how many changes were done
 */
export const tellWebhooks = (context: TellContext): Promise<number> =>
  transaction(context.db, async (trx) => {
    const done = await trx
      .selectFrom('status_positions')
      .select('position')
      .where('name', '=', 'webhooks')
      .forUpdate()
      .skipLocked()
      .executeTakeFirst();
    if (done === undefined) return 0;
    const changes = await readChanges(trx, done.position, AT_ONCE);
    const last = changes.at(-1);
    if (last === undefined) return 0;
    const byPartner = Map.groupBy(await wantingEndpoints(trx), (one) => `${one.environment} ${one.partner_id}`);
    for (const endpoints of byPartner.values()) await tellPartner(context, trx, endpoints, changes);
    await setPosition(trx, 'webhooks', last.position);
    return changes.length;
  });

async function wantingEndpoints(trx: Trx): Promise<Endpoint[]> {
  const endpoints = await trx
    .selectFrom('webhook_endpoints')
    .select(['endpoint_id', 'partner_id', 'environment', 'event_types'])
    .where('event_types', 'like', `%"${TYPE}"%`)
    .where('disabled_at_ms', 'is', null)
    .where('deleted_at_ms', 'is', null)
    // An endpoint that is just being disabled must not be given one more delivery that nobody cancels.
    .forShare()
    .execute();
  return endpoints.filter((one) => isWanted(TYPE, chosenTypes(one.event_types)));
}

/** @param endpoints all of one partner in one environment, one at least */
async function tellPartner(
  context: TellContext,
  trx: Trx,
  endpoints: readonly Endpoint[],
  changes: readonly PlacedChange[],
): Promise<void> {
  const [endpoint] = endpoints;
  if (endpoint === undefined) return;
  const { partner_id: partnerId, environment } = endpoint;
  const newest = new Map(changes.map((change) => [change.connector_id, change]));
  const usable = await usableConnectors(trx, { partnerId, environment })
    .clearSelect()
    .select('connectors.connector_id')
    .where('connectors.connector_id', 'in', [...newest.keys()])
    .execute();
  const told = usable.flatMap(({ connector_id: id }) => newest.get(id) ?? []).sort((a, b) => a.position - b.position);
  if (told.length === 0) return;
  const nowMs = context.clock.wallMs();
  const lanes = told.map((change) => change.connector_id);
  await supersede(trx, endpoints, lanes, nowMs);
  const events = told.map((change) => ({
    event_id: `msg_${context.random.uuid().replaceAll('-', '')}`,
    partner_id: partnerId,
    environment,
    order_id: null,
    lane: change.connector_id,
    type: TYPE,
    payload: JSON.stringify({ type: TYPE, timestamp: iso(nowMs), data: changeView(change) }),
    created_at_ms: nowMs,
  }));
  await trx.insertInto('webhook_events').values(events).execute();
  const deliveries = events.flatMap((event) =>
    endpoints.map(({ endpoint_id }) => ({
      event_id: event.event_id,
      endpoint_id,
      lane: event.lane,
      status: 'pending' as const,
      next_attempt_at_ms: nowMs,
      created_at_ms: nowMs,
    })),
  );
  await trx.insertInto('webhook_deliveries').values(deliveries).execute();
}

const supersede = (trx: Trx, endpoints: readonly Endpoint[], lanes: readonly string[], nowMs: number) =>
  trx
    .updateTable('webhook_deliveries')
    .set({ status: 'cancelled', last_error: SUPERSEDED, finished_at_ms: nowMs })
    .where(
      'endpoint_id',
      'in',
      endpoints.map((one) => one.endpoint_id),
    )
    .where('lane', 'in', lanes)
    .where('status', '=', 'pending')
    .where((where) => where.or([where('leased_until_ms', 'is', null), where('leased_until_ms', '<=', nowMs)]))
    .where('event_id', 'in', (from) => from.selectFrom('webhook_events').select('event_id').where('type', '=', TYPE))
    .execute();
