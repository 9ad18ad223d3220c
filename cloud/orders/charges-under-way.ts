import { sql } from 'kysely';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { Db } from '../db/connect.ts';
import type { Environment } from '../db/schema.ts';
import type { Trx } from '../db/transaction.ts';
import type { Scope } from '../partners/caller.ts';
import { heldQuery } from '../reservations/store.ts';
import { parseTariff } from '../stations/tariff-in-force.ts';
import type { LiveReading, RunningCharge } from './progress.ts';

/** A key that has one of these may read a single order, and how it is getting on. */
export const orderScopes: readonly Scope[] = ['orders', 'control'];

/** An order that charges, with the last that its site has told of it. */
export interface ChargeUnderWay {
  readonly orderId: string;
  readonly partnerId: string | null;
  readonly environment: Environment;
  readonly siteId: string;
  readonly connectorId: string;
  readonly charge: RunningCharge;
  readonly live: LiveReading;
}

/** What the live view tells of another session than that of the order does not count. */
const running = (db: Db | Trx) =>
  db
    .selectFrom('orders')
    .innerJoin('connector_states as live', (join) =>
      join.onRef('live.connector_id', '=', 'orders.connector_id').onRef('live.session_id', '=', 'orders.session_id'),
    )
    .select(['orders.order_id', 'orders.partner_id', 'orders.environment', 'orders.site_id', 'orders.connector_id'])
    .select(['orders.started_at_ms', 'orders.meter_start_wh', 'orders.tariff_id', 'orders.tariff_version'])
    .select(['live.energy_wh', 'live.power_w', 'live.soc_percent'])
    .select(['live.observed_at_ms', 'live.observation_age_ms', 'live.received_at_ms'])
    .select(
      heldQuery(db).where('reservations.order_id', '=', sql.ref<string>('orders.order_id')).limit(1).as('held_ms'),
    )
    .where('orders.state', '=', 'charging');

/** How one order is getting on; null: it does not charge, or nothing is known. */
export async function chargeUnderWay(db: Db | Trx, orderId: string): Promise<ChargeUnderWay | null> {
  const rows = await running(db).where('orders.order_id', '=', orderId).execute();
  const [only = null] = await withTariffs(db, rows);
  return only;
}

/** How the orders of some partners are getting on, however many they are, in as many queries. */
export async function chargesOfPartners(
  db: Db,
  partners: readonly { readonly partnerId: string; readonly environment: Environment }[],
): Promise<ChargeUnderWay[]> {
  if (partners.length === 0) return [];
  const pairs = partners.map(({ partnerId, environment }) => sql`(${partnerId}, ${environment})`);
  const rows = await running(db)
    .where(sql<boolean>`(orders.partner_id, orders.environment) in (${sql.join(pairs)})`)
    .orderBy('orders.order_id')
    .execute();
  return withTariffs(db, rows);
}

type Row = Awaited<ReturnType<ReturnType<typeof running>['execute']>>[number];

const tariffName = (tariffId: string | null, version: number | null): string => `${version} ${tariffId}`;

/** Many charges have the same tariff: each is fetched once. */
async function withTariffs(db: Db | Trx, rows: readonly Row[]): Promise<ChargeUnderWay[]> {
  const tariffs = new Map<string, Tariff>();
  const ids = new Set(rows.flatMap((row) => row.tariff_id ?? []));
  const versions = new Set(rows.flatMap((row) => row.tariff_version ?? []));
  if (ids.size > 0) {
    const wanted = new Set(rows.map((row) => tariffName(row.tariff_id, row.tariff_version)));
    const found = await db
      .selectFrom('tariffs')
      .select(['tariff_id', 'version', 'document'])
      .where('tariff_id', 'in', [...ids])
      .where('version', 'in', [...versions])
      .execute();
    for (const { tariff_id, version, document } of found) {
      const name = tariffName(tariff_id, version);
      if (wanted.has(name)) tariffs.set(name, parseTariff(document));
    }
  }
  return rows.flatMap((row) => underWay(row, tariffs.get(tariffName(row.tariff_id, row.tariff_version)) ?? null) ?? []);
}

function underWay(row: Row, tariff: Tariff | null): ChargeUnderWay | null {
  if (row.started_at_ms === null || row.meter_start_wh === null) return null;
  return {
    orderId: row.order_id,
    partnerId: row.partner_id,
    environment: row.environment,
    siteId: row.site_id,
    connectorId: row.connector_id,
    charge: { startedAtMs: row.started_at_ms, meterStartWh: row.meter_start_wh, tariff, heldMs: row.held_ms },
    live: {
      energyWh: row.energy_wh,
      powerW: row.power_w,
      socPercent: row.soc_percent,
      observedAtMs: row.observed_at_ms,
      observationAgeMs: row.observation_age_ms,
      receivedAtMs: row.received_at_ms,
    },
  };
}
