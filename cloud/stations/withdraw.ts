import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { touchStations } from '../partners/terms/touch-stations.ts';

type StationContext = Pick<CloudContext, 'db' | 'clock'>;

/**
 * Takes a station out of what is offered, or (`reason` null) back into it. No charge begins there while it is out; what runs goes on. Done twice
 * it changes nothing.
 *
 * @throws PilegateError `station.unknown`
 */
export const withdrawStation = (context: StationContext, siteId: string, reason: string | null): Promise<void> =>
  transaction(context.db, async (trx) => {
    const nowMs = context.clock.wallMs();
    const site = await trx
      .selectFrom('sites')
      .select('withdrawn_at_ms')
      .where('site_id', '=', siteId)
      .forUpdate()
      .executeTakeFirst();
    if (site === undefined) throw new PilegateError('station.unknown', `no station ${siteId}`);
    if ((site.withdrawn_at_ms === null) === (reason === null)) return;
    await touchStations(trx, [siteId], nowMs);
    await trx
      .updateTable('sites')
      .set({ withdrawn_at_ms: reason === null ? null : nowMs, withdrawn_reason: reason })
      .where('site_id', '=', siteId)
      .execute();
  });

/**
 * The same for one connector.
 *
 * @throws PilegateError `connector.unknown`
 */
export const withdrawConnector = (context: StationContext, connectorId: string, isOut: boolean): Promise<void> =>
  transaction(context.db, async (trx) => {
    const nowMs = context.clock.wallMs();
    const connector = await lockConnector(trx, connectorId);
    if ((connector.withdrawn_at_ms !== null) === isOut) return;
    await touchStations(trx, [connector.site_id], nowMs);
    await trx
      .updateTable('connectors')
      .set({ withdrawn_at_ms: isOut ? nowMs : null })
      .where('connector_id', '=', connectorId)
      .execute();
  });

/**
 * Gives a connector another code. The one before resolves no longer, and is never another connector's; it can be given back.
 *
 * @throws PilegateError `connector.unknown`, or `resource.exists` when the code is or was another one's
 */
export const setPileCode = (
  context: StationContext,
  connectorId: string,
  { code, setBy }: { readonly code: string; readonly setBy: string },
): Promise<void> =>
  transaction(context.db, async (trx) => {
    const nowMs = context.clock.wallMs();
    const connector = await lockConnector(trx, connectorId);
    const known = await trx.selectFrom('pile_codes').selectAll().where('code', '=', code).executeTakeFirst();
    if (known !== undefined && known.connector_id !== connectorId) throw taken(code);
    if (known?.ended_at_ms === null) return;
    await touchStations(trx, [connector.site_id], nowMs);
    await trx
      .updateTable('pile_codes')
      .set({ ended_at_ms: nowMs })
      .where('connector_id', '=', connectorId)
      .where('ended_at_ms', 'is', null)
      .execute();
    const now = { connector_id: connectorId, set_by: setBy, set_at_ms: nowMs, ended_at_ms: null };
    const given = await trx
      .insertInto('pile_codes')
      .values({ code, ...now })
      .onConflict((conflict) =>
        conflict.column('code').doUpdateSet(now).where('pile_codes.connector_id', '=', connectorId),
      )
      .executeTakeFirst();
    // Somebody was quicker: nothing was changed by it, and nothing is to stay changed.
    if (given.numInsertedOrUpdatedRows !== 1n) throw taken(code);
  });

const taken = (code: string) =>
  new PilegateError('resource.exists', `the code ${code} is, or was, another connector's`);

async function lockConnector(trx: Trx, connectorId: string) {
  const connector = await trx
    .selectFrom('connectors')
    .select(['site_id', 'withdrawn_at_ms'])
    .where('connector_id', '=', connectorId)
    .forUpdate()
    .executeTakeFirst();
  if (connector === undefined) throw new PilegateError('connector.unknown', `no connector ${connectorId}`);
  return connector;
}
