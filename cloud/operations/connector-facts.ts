import { PilegateError } from '#shared/errors.ts';
import type { Trx } from '../db/transaction.ts';
import type { Caller } from '../partners/caller.ts';
import { ownPrices, tariffFor } from '../partners/terms/tariff-for.ts';
import { mayUse } from '../partners/terms/visible.ts';
import { linkIsFresh, statusNow } from '../stations/freshness.ts';
import { announcedAt, closureAt } from '../stations/hours/closures.ts';
import { siteTariffs } from '../stations/tariff-in-force.ts';

/**
 * Locks a connector for the rest of the transaction: of several who want it, at any number of processes, one comes first.
 *
 * @throws PilegateError `connector.unknown`, also for one that the partner may not use
 */
export async function lockConnector(trx: Trx, connectorId: string, caller: Caller) {
  const connector = await trx
    .selectFrom('connectors')
    .innerJoin('sites', 'sites.site_id', 'connectors.site_id')
    .select(['connectors.connector_id', 'connectors.pile_id', 'sites.site_id', 'sites.shard'])
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

/** What the caller pays there now, or why nobody can say. */
export async function tariffAtConnector(trx: Trx, caller: Caller, connector: LockedConnector, nowMs: number) {
  const { site_id: siteId, connector_id: connectorId } = connector;
  const own = await ownPrices(trx, caller, siteId);
  return tariffFor(own, siteId, await siteTariffs(trx, siteId), connectorId, nowMs);
}

/** What the cloud knows of a connector at this moment. */
export async function factsOf(trx: Trx, connector: LockedConnector, nowMs: number) {
  const link = await trx
    .selectFrom('site_links')
    .select(['online', 'heard_at_ms as heardAtMs', 'knows_documents', 'knows_reservations'])
    .where('site_id', '=', connector.site_id)
    .executeTakeFirst();
  const state = await trx
    .selectFrom('connector_states')
    .select([
      'status',
      'plugged',
      'session_id',
      'observation_age_ms as observationAgeMs',
      'received_at_ms as receivedAtMs',
    ])
    .where('connector_id', '=', connector.connector_id)
    .executeTakeFirst();
  const active = await trx
    .selectFrom('orders')
    .select('order_id')
    .where('connector_id', '=', connector.connector_id)
    .where('state', 'in', ['starting', 'charging'])
    // What a site has begun by itself, its live state tells.
    .where('origin', '=', 'remote')
    .executeTakeFirst();
  const reserved = await trx
    .selectFrom('reservations')
    .select('reservation_id')
    .where('connector_id', '=', connector.connector_id)
    .where('state', 'in', ['requested', 'active'])
    .where('until_ms', '>', nowMs)
    .executeTakeFirst();
  const announced = (await announcedAt(trx, [connector.site_id], nowMs)).get(connector.site_id);
  return {
    closure: announced === undefined ? null : closureAt(announced, connector.connector_id, nowMs),
    siteOnline: linkIsFresh(link ?? null, nowMs),
    status: statusNow(state ?? null, nowMs),
    plugged: state?.plugged ?? null,
    hasActiveOrder: active !== undefined,
    hasSession: state !== undefined && state.session_id !== null,
    reservedFor: reserved?.reservation_id ?? null,
    // One that leaves documents out of its hello is older than limits and holds.
    knowsLimits: link?.knows_documents === true,
    knowsReservations: link?.knows_reservations === true,
  };
}
