import type { ExpressionBuilder } from 'kysely';
import type { ConnectorView, State } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import type { Database } from '../db/schema.ts';
import type { Trx } from '../db/transaction.ts';
import { isHolder } from '../presence/lives.ts';
import type { IngestContext, KnownSite } from './incoming.ts';
import { inShard } from './shards/fence.ts';

const rowOf = (state: ConnectorView, sentAtMs: number, receivedAtMs: number) => ({
  connector_id: state.connectorId,
  status: state.status,
  plugged: state.plugged,
  session_id: state.sessionId,
  energy_wh: state.energyWh,
  power_w: state.powerW,
  current_ma: state.currentMa,
  temperature_c: state.temperatureC,
  faults: JSON.stringify(state.faults),
  observed_at_ms: state.observedAtMs,
  observation_age_ms: Math.max(0, sentAtMs - state.observedAtMs),
  received_at_ms: receivedAtMs,
});

const columns = [
  'status',
  'plugged',
  'session_id',
  'energy_wh',
  'power_w',
  'current_ma',
  'temperature_c',
  'faults',
  'observed_at_ms',
  'observation_age_ms',
  'received_at_ms',
] as const;

/** Every column takes the new row's value. */
const excluded = (set: ExpressionBuilder<Database & { excluded: Database['connector_states'] }, 'excluded'>) =>
  Object.fromEntries(columns.map((column) => [column, set.ref(`excluded.${column}`)]));

/**
 * Live view and heartbeat. A message of an older connection may arrive late; it neither counts as a heartbeat
 * nor overwrites what is known. Connectors that do not belong to the site are left alone.
 */
export async function handleState(context: IngestContext, site: KnownSite, state: State): Promise<void> {
  const nowMs = context.clock.wallMs();
  const { value: isOfLink } = await inShard(context, site.shard, (trx) =>
    storeState({ ...context, trx }, site, state, nowMs),
  );
  if (isOfLink) {
    const { connectionEpoch } = state;
    if (state.ask === true) await context.down.beat(site, { v: WIRE_VERSION, connectionEpoch });
    return;
  }
  context.logger.debug({ siteId: site.siteId }, 'state of another connection is ignored');
  if (state.lifeId !== undefined) await isHolder(context, site, state.lifeId);
}

/** @returns false when it is of another connection than the present one; then nothing is stored */
async function storeState(
  context: Pick<IngestContext, 'logger'> & { readonly trx: Trx },
  site: KnownSite,
  state: State,
  nowMs: number,
): Promise<boolean> {
  const { trx } = context;
  const heard = await trx
    .updateTable('site_links')
    .set({ heard_at_ms: nowMs, online: true, ...(state.lifeId === undefined ? {} : { is_life_confirmed: true }) })
    .where('site_id', '=', site.siteId)
    .where('connection_epoch', '=', state.connectionEpoch)
    .executeTakeFirst();
  if (heard.numUpdatedRows === 0n) return false;
  const own = await trx.selectFrom('connectors').select('connector_id').where('site_id', '=', site.siteId).execute();
  const ownIds = new Set(own.map((row) => row.connector_id));
  const foreign = state.connectors.filter((connector) => !ownIds.has(connector.connectorId));
  if (foreign.length > 0) {
    const connectorIds = foreign.map((connector) => connector.connectorId);
    context.logger.warn({ siteId: site.siteId, connectorIds }, 'state of foreign connectors is ignored');
  }
  const rows = new Map(
    state.connectors
      .filter((connector) => ownIds.has(connector.connectorId))
      .map((connector) => [connector.connectorId, rowOf(connector, state.at.wallMs, nowMs)]),
  );
  if (rows.size === 0) return true;
  await trx
    .insertInto('connector_states')
    .values([...rows.values()])
    .onConflict((conflict) => conflict.column('connector_id').doUpdateSet(excluded))
    .execute();
  return true;
}
