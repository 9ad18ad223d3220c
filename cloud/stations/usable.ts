import type { Db } from '../db/connect.ts';
import type { Trx } from '../db/transaction.ts';
import type { Caller } from '../partners/caller.ts';
import { mayUse } from '../partners/terms/visible.ts';

type Partner = Pick<Caller, 'partnerId' | 'environment'>;

/**
 * The stations that a partner may use, under the name `station`, with the time of their last change: of the station itself, its
 * connectors or prices, or of what was agreed with partners about it. Not of the status. That a price begins which was put before is a change
 * as soon as a worker has seen it.
 */
export const usableStations = (db: Db | Trx, caller: Partner) =>
  db.selectFrom((from) =>
    from
      .selectFrom('sites')
      .select(['site_id', 'name', 'environment', 'timezone', 'withdrawn_at_ms', 'withdrawn_reason'])
      .select('updated_at_ms as changed_at_ms')
      .where(mayUse(caller))
      .as('station'),
  );

/** Their connectors as well, with the codes on the piles and the last that is known of their state. */
export const usableConnectors = (db: Db | Trx, caller: Partner) =>
  usableStations(db, caller)
    .innerJoin('connectors', 'connectors.site_id', 'station.site_id')
    .leftJoin('pile_codes', (join) =>
      join.onRef('pile_codes.connector_id', '=', 'connectors.connector_id').on('pile_codes.ended_at_ms', 'is', null),
    )
    .leftJoin('connector_states as state', 'state.connector_id', 'connectors.connector_id')
    .select([
      'connectors.connector_id',
      'connectors.site_id',
      'connectors.pile_id',
      'connectors.model',
      'connectors.kind',
      'connectors.max_power_w',
      'station.changed_at_ms',
      'pile_codes.code',
      'state.status',
      'state.plugged',
      'state.power_w',
      'state.current_ma',
      'state.temperature_c',
      'state.faults',
      'state.observed_at_ms',
      'state.observation_age_ms',
      'state.received_at_ms',
    ])
    .select(({ fn }) => fn.coalesce('connectors.withdrawn_at_ms', 'station.withdrawn_at_ms').as('withdrawn_at_ms'));
export type ConnectorRow = Awaited<ReturnType<ReturnType<typeof usableConnectors>['executeTakeFirstOrThrow']>>;
