import type { Cdr } from '#shared/wire/cdr.ts';
import type { OrderRow } from '../db/schema.ts';
import type { RecordContext } from '../ingest/records.ts';
import { tariffVersion } from '../stations/tariff-in-force.ts';

/** A charge that was begun on site becomes an order of nobody's, so that its energy appears in the books. */
export async function insertLocalOrder(context: RecordContext, cdr: Cdr): Promise<OrderRow> {
  const known = cdr.tariff === null ? null : await tariffVersion(context.trx, cdr.tariff.tariffId, cdr.tariff.version);
  // `abnormal` until the record has been checked: no order is under way, so the connector stays free.
  const row = {
    order_id: context.random.uuid(),
    partner_id: null,
    origin: 'local' as const,
    environment: context.site.environment,
    state: 'abnormal' as const,
    request_id: null,
    site_id: context.site.siteId,
    pile_id: cdr.pileId,
    connector_id: cdr.connectorId,
    tariff_id: known?.tariffId ?? null,
    tariff_version: known?.version ?? null,
    created_at_ms: context.nowMs,
    updated_at_ms: context.nowMs,
  };
  const inserted = await context.trx.insertInto('orders').values(row).returningAll().executeTakeFirstOrThrow();
  return { ...inserted, state: 'charging' };
}
