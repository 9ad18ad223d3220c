import { PilegateError } from '#shared/errors.ts';
import type { LocalUser } from '#shared/wire/cdr.ts';
import type { OrderRow } from '../db/schema.ts';
import type { RecordContext } from '../ingest/records.ts';

/** A charge that was begun on site, as either of its records tells it. */
export interface LocalCharge {
  readonly sessionId: string;
  readonly pileId: string;
  readonly connectorId: string;
  readonly startedBy?: LocalUser | undefined;
  /** The version that it is billed by, if any. */
  readonly tariff?: { readonly tariffId: string; readonly version: number } | null | undefined;
}

/** The order of a charge that was begun on site, locked; undefined when none of its records has come yet. */
export const lockLocalOrder = (
  { trx, site }: RecordContext,
  { sessionId }: Pick<LocalCharge, 'sessionId'>,
): Promise<OrderRow | undefined> =>
  trx
    .selectFrom('orders')
    .selectAll()
    .where('site_id', '=', site.siteId)
    .where('session_id', '=', sessionId)
    .where('origin', '=', 'local')
    .forUpdate()
    .executeTakeFirst();

/**
 * A charge that was begun on site becomes an order of nobody's, so that it can be seen while it runs and its energy appears in
 * the books. It is charging until its record ends it.
 *
 * @param begin when and with what register it began, where that is known
 * @throws PilegateError `record.refused` when the connector is not of this site
 */
export async function insertLocalOrder(
  context: RecordContext,
  charge: LocalCharge,
  begin: { readonly started_at_ms?: number; readonly meter_start_wh?: number } = {},
): Promise<OrderRow> {
  await assertOwnConnector(context, charge.connectorId);
  const { trx, site, facts, nowMs, random } = context;
  const { sessionId, pileId, connectorId, startedBy, tariff } = charge;
  const known = tariff == null ? null : await facts.tariff(tariff.tariffId, tariff.version);
  const row = {
    order_id: random.uuid(),
    partner_id: null,
    origin: 'local' as const,
    environment: site.environment,
    state: 'charging' as const,
    request_id: null,
    site_id: site.siteId,
    pile_id: pileId,
    connector_id: connectorId,
    session_id: sessionId,
    started_by_kind: startedBy?.kind ?? null,
    started_by_reference: startedBy?.reference ?? null,
    tariff_id: known?.tariffId ?? null,
    tariff_version: known?.version ?? null,
    ...begin,
    created_at_ms: nowMs,
    updated_at_ms: nowMs,
  };
  return await trx.insertInto('orders').values(row).returningAll().executeTakeFirstOrThrow();
}

/** @throws PilegateError `record.refused` */
export async function assertOwnConnector({ facts }: RecordContext, connectorId: string): Promise<void> {
  if (!(await facts.isOwnConnector(connectorId)))
    throw new PilegateError('record.refused', `no connector ${connectorId} at this site`);
}
