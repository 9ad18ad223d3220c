import { sql } from 'kysely';
import { jsonArrayFrom, jsonObjectFrom } from 'kysely/helpers/postgres';
import { PilegateError } from '#shared/errors.ts';
import type { Trx } from '../db/transaction.ts';
import type { Caller } from '../partners/caller.ts';
import { accountsQuery } from '../partners/credit/accounts.ts';
import { ownPricesQuery, readOwnPrices, tariffFor } from '../partners/terms/tariff-for.ts';
import { mayUse } from '../partners/terms/visible.ts';
import { linkIsFresh, statusNow } from '../stations/freshness.ts';
import { closureAt, hoursQuery, readAnnounced, windowsQuery } from '../stations/hours/closures.ts';
import { readTariffs, tariffsQuery } from '../stations/tariff-in-force.ts';
import { checkFirst, firstQuery, type WriteRequest } from './first-answer.ts';

/**
 * Locks a connector for the rest of the transaction: of several who want it, at any number of processes, one comes first.
 *
 * @throws PilegateError `connector.unknown`, also for one that the partner may not use
 */
export async function lockConnector(trx: Trx, connectorId: string, caller: Caller) {
  const connector = await trx
    .selectFrom('connectors')
    .innerJoin('sites', 'sites.site_id', 'connectors.site_id')
    .select(['connectors.connector_id', 'connectors.pile_id', 'connectors.model', 'sites.site_id', 'sites.shard'])
    .select(({ fn }) => fn.coalesce('connectors.withdrawn_at_ms', 'sites.withdrawn_at_ms').as('withdrawn_at_ms'))
    .where('connectors.connector_id', '=', connectorId)
    .where(mayUse(caller))
    .forUpdate('connectors')
    .executeTakeFirst();
  if (connector === undefined) throw new PilegateError('connector.unknown', `no connector ${connectorId}`);
  return connector;
}
export type LockedConnector = Awaited<ReturnType<typeof lockConnector>>;

/** @throws PilegateError `connector.disabled` for one that is withdrawn, or whose station is */
export function assertNotWithdrawn({ connector_id: id, withdrawn_at_ms: withdrawnAtMs }: LockedConnector): void {
  if (withdrawnAtMs !== null) throw new PilegateError('connector.disabled', `connector ${id} is withdrawn`);
}

/**
 * All that a start or a reservation is judged by, in one question, which is asked under the connector's lock: many ask at once, and a way
 * to the database and back for each fact would cost more than all else.
 *
 * @throws PilegateError `request_id.reused`
 */
export async function factsOf(trx: Trx, request: WriteRequest, connector: LockedConnector, nowMs: number) {
  const { caller } = request;
  const { site_id: siteId, connector_id: connectorId } = connector;
  const found = await trx
    .selectNoFrom((from) => [
      jsonObjectFrom(firstQuery(from, request)).as('first'),
      jsonArrayFrom(ownPricesQuery(from, caller, siteId)).as('ownPrices'),
      jsonArrayFrom(tariffsQuery(from, [siteId])).as('tariffs'),
      jsonArrayFrom(accountsQuery(from, caller)).as('accounts'),
      jsonObjectFrom(hoursQuery(from, [siteId])).as('hours'),
      jsonArrayFrom(windowsQuery(from, [siteId], nowMs)).as('windows'),
      jsonObjectFrom(linkQuery(from, siteId)).as('link'),
      jsonObjectFrom(stateQuery(from, connectorId)).as('state'),
      activeQuery(from, connectorId).as('activeOrderId'),
      reservedQuery(from, connectorId, nowMs).as('reservedFor'),
    ])
    .executeTakeFirstOrThrow();
  const { first, state, link, hours, activeOrderId, reservedFor, accounts } = found;
  return {
    first: first === null ? null : checkFirst(request, first),
    accounts,
    /** What the caller pays there now, or why nobody can say. */
    tariff: tariffFor(readOwnPrices(found.ownPrices), siteId, readTariffs(found.tariffs), connectorId, nowMs),
    closure: hours === null ? null : closureAt(readAnnounced(hours, found.windows), connectorId, nowMs),
    siteOnline: linkIsFresh(link, nowMs),
    status: statusNow(state, nowMs),
    plugged: state?.plugged ?? null,
    hasActiveOrder: activeOrderId !== null,
    hasSession: state !== null && state.session_id !== null,
    reservedFor,
    // One that leaves documents out of its hello is older than limits and holds.
    knowsLimits: link?.knows_documents === true,
    knowsReservations: link?.knows_reservations === true,
  };
}

type From = Pick<Trx, 'selectFrom'>;

const linkQuery = (from: From, siteId: string) =>
  from
    .selectFrom('site_links')
    .select(['online', 'heard_at_ms as heardAtMs', 'knows_documents', 'knows_reservations'])
    .where('site_id', '=', siteId);

const stateQuery = (from: From, connectorId: string) =>
  from
    .selectFrom('connector_states')
    .select([
      'status',
      'plugged',
      'session_id',
      'observation_age_ms as observationAgeMs',
      'received_at_ms as receivedAtMs',
    ])
    .where('connector_id', '=', connectorId);

const activeQuery = (from: From, connectorId: string) =>
  from
    .selectFrom('orders')
    .select('order_id')
    .where('connector_id', '=', connectorId)
    .where('state', 'in', [sql.lit('starting' as const), sql.lit('charging' as const)])
    // What a site has begun by itself, its live state tells.
    .where('origin', '=', sql.lit('remote' as const))
    .limit(1);

const reservedQuery = (from: From, connectorId: string, nowMs: number) =>
  from
    .selectFrom('reservations')
    .select('reservation_id')
    .where('connector_id', '=', connectorId)
    .where('state', 'in', [sql.lit('requested' as const), sql.lit('active' as const)])
    .where('until_ms', '>', nowMs)
    .limit(1);
