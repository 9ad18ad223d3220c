import { sql } from 'kysely';
import type { ConnectorView, State } from '#shared/wire/messages.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { type PublicStatus, statusNow } from '../stations/freshness.ts';
import { type NewStatusChange, writeChanges } from '../streaming/write-changes.ts';
import type { IngestContext, KnownSite } from './incoming.ts';
import { confirmShards } from './shards/fence.ts';

export interface ToldState {
  readonly site: KnownSite;
  readonly state: State;
  readonly receivedAtMs: number;
}

/** What became of it: stored; of another connection than the present one; or this process has no lease of the shard. */
export type StateOutcome = 'stored' | 'of-another-link' | 'shard-lost';

type StatesContext = Pick<IngestContext, 'db' | 'processId' | 'clock' | 'logger'>;

/**
 * Stores the states of different sites in one transaction. One of another connection than its site's present one neither counts
 * as a heartbeat nor overwrites what is known. Connectors that do not belong to the site are left alone.
 */
export const storeStates = (context: StatesContext, told: readonly ToldState[]): Promise<StateOutcome[]> =>
  transaction(context.db, async (trx) => {
    const tenures = await confirmShards(context, trx, [...new Set(told.map(({ site }) => site.shard))]);
    const mine = told.filter(({ site }) => tenures.has(site.shard));
    const heard = await hearLinks(trx, mine);
    await storeConnectors(
      context,
      trx,
      mine.filter(({ site }) => heard.has(site.siteId)),
    );
    return told.map(({ site }) => {
      if (!tenures.has(site.shard)) return 'shard-lost';
      return heard.has(site.siteId) ? 'stored' : 'of-another-link';
    });
  });

/**
 * A connection that has said farewell stays gone: live views are not handled in one row with presence, and this one was said before it.
 *
 * @returns the sites whose present connection spoke
 */
async function hearLinks(trx: Trx, told: readonly ToldState[]): Promise<ReadonlySet<string>> {
  if (told.length === 0) return new Set();
  const rows = told.map(({ site, state, receivedAtMs }) => ({
    site_id: site.siteId,
    connection_epoch: state.connectionEpoch,
    has_life: state.lifeId !== undefined,
    heard_at_ms: receivedAtMs,
  }));
  const heard = await sql<{ site_id: string }>`
    update site_links set heard_at_ms = told.heard_at_ms,
      is_life_confirmed = is_life_confirmed or told.has_life
    from json_to_recordset(${JSON.stringify(rows)}::json) as told (
      site_id text, connection_epoch uuid, has_life boolean, heard_at_ms bigint)
    where site_links.site_id = told.site_id and site_links.connection_epoch = told.connection_epoch
    returning site_links.site_id`.execute(trx);
  return new Set(heard.rows.map((row) => row.site_id));
}

async function storeConnectors(context: StatesContext, trx: Trx, told: readonly ToldState[]): Promise<void> {
  if (told.length === 0) return;
  const known = await trx
    .selectFrom('connectors')
    .select(['connector_id', 'site_id'])
    .where(
      'site_id',
      'in',
      told.map(({ site }) => site.siteId),
    )
    .execute();
  const siteOf = new Map(known.map((row) => [row.connector_id, row.site_id]));
  // The last word about a connector counts, should a message have two.
  const rows = new Map<string, StoredState>();
  for (const { site, state, receivedAtMs } of told) {
    const isOwn = ({ connectorId }: ConnectorView) => siteOf.get(connectorId) === site.siteId;
    for (const one of state.connectors.filter(isOwn))
      rows.set(one.connectorId, rowOf(one, state.at.wallMs, receivedAtMs));
    const foreign = state.connectors.filter((one) => !isOwn(one)).map(({ connectorId }) => connectorId);
    if (foreign.length > 0) {
      context.logger.warn({ siteId: site.siteId, connectorIds: foreign }, 'state of foreign connectors is ignored');
    }
  }
  if (rows.size > 0) await upsert(trx, [...rows.values()]);
}

/** One that is held stands for nobody else, though it is free. */
const shownStatus = ({ status, reservationId }: ConnectorView): PublicStatus =>
  reservationId !== undefined && (status === 'available' || status === 'plugged') ? 'reserved' : status;

type StoredState = ReturnType<typeof rowOf>;
const rowOf = (state: ConnectorView, sentAtMs: number, receivedAtMs: number) => {
  const observationAgeMs = Math.max(0, sentAtMs - state.observedAtMs);
  const told = { status: shownStatus(state), observationAgeMs, receivedAtMs };
  return {
    connector_id: state.connectorId,
    status: told.status,
    plugged: state.plugged,
    session_id: state.sessionId,
    energy_wh: state.energyWh,
    power_w: state.powerW,
    current_ma: state.currentMa,
    temperature_c: state.temperatureC,
    soc_percent: state.socPercent ?? null,
    faults: JSON.stringify(state.faults),
    observed_at_ms: state.observedAtMs,
    observation_age_ms: observationAgeMs,
    received_at_ms: receivedAtMs,
    public_status: statusNow(told, receivedAtMs),
  };
};

async function upsert(trx: Trx, rows: readonly StoredState[]): Promise<void> {
  const stored = await sql<{ connector_id: string; public_status: string; status_before: string }>`
    insert into connector_states (connector_id, status, plugged, session_id, energy_wh, power_w, current_ma, temperature_c,
      soc_percent, faults, observed_at_ms, observation_age_ms, received_at_ms, public_status)
    select connector_id, status, plugged, session_id, energy_wh, power_w, current_ma, temperature_c, soc_percent, faults,
      observed_at_ms, observation_age_ms, received_at_ms, public_status
    from json_to_recordset(${JSON.stringify(rows)}::json) as told (
      connector_id text, status text, plugged boolean, session_id uuid, energy_wh bigint, power_w bigint, current_ma bigint,
      temperature_c double precision, soc_percent double precision, faults text, observed_at_ms bigint, observation_age_ms bigint, received_at_ms bigint,
      public_status text)
    on conflict (connector_id) do update set status = excluded.status, plugged = excluded.plugged,
      session_id = excluded.session_id, energy_wh = excluded.energy_wh, power_w = excluded.power_w,
      current_ma = excluded.current_ma, temperature_c = excluded.temperature_c,
      soc_percent = excluded.soc_percent, faults = excluded.faults,
      observed_at_ms = excluded.observed_at_ms, observation_age_ms = excluded.observation_age_ms,
      received_at_ms = excluded.received_at_ms, status_before = connector_states.public_status,
      public_status = excluded.public_status
    returning connector_id, public_status, status_before`.execute(trx);
  const before = new Map(stored.rows.map((row) => [row.connector_id, row.status_before]));
  const changes = rows.flatMap((row) => {
    const previous = before.get(row.connector_id) ?? row.public_status;
    return previous === row.public_status ? [] : [changeOf(row, previous)];
  });
  await writeChanges(trx, changes);
}

const changeOf = (row: StoredState, previousStatus: string): NewStatusChange => ({
  connector_id: row.connector_id,
  status: row.public_status,
  previous_status: previousStatus,
  plugged: row.public_status === 'unknown' ? null : row.plugged,
  observed_at_ms: row.observed_at_ms,
  observation_age_ms: row.observation_age_ms,
  received_at_ms: row.received_at_ms,
  changed_at_ms: row.received_at_ms,
});
