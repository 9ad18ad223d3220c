import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../../context.ts';
import { type Trx, transaction } from '../../db/transaction.ts';
import { touchStations } from '../../partners/terms/touch-stations.ts';
import { partnersWhoMayUse } from '../../partners/terms/visible.ts';
import type { EventType } from '../../webhooks/event-types.ts';
import { recordEvent } from '../../webhooks/record-event.ts';
import { windowView } from './closures.ts';
import type { OpeningHours } from './opening-hours.ts';
import type { MaintenanceWindowRow } from './tables.ts';

type AnnounceContext = Pick<CloudContext, 'db' | 'clock' | 'random'>;

export interface NewWindow {
  /** Made by the caller. */
  readonly windowId: string;
  readonly siteId: string;
  /** Null: the whole station. */
  readonly connectorIds: readonly string[] | null;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly note: string;
}
type WindowChange = Omit<NewWindow, 'siteId'>;

/** The same transaction changes the station, and tells every partner that may use it. */
async function tell(context: AnnounceContext, trx: Trx, siteId: string, type: EventType, data: object, nowMs: number) {
  await touchStations(trx, [siteId], nowMs);
  for (const partner of await partnersWhoMayUse(trx, siteId))
    await recordEvent(
      { trx, random: context.random, nowMs },
      { ...partner, orderId: null, lane: siteId, type, data, onlyEndpointId: null },
    );
}

/** Says when a station is open; with null, nothing any more. @throws PilegateError `station.unknown` */
export const putHours = (
  context: AnnounceContext,
  { siteId, hours, reason, putBy }: { siteId: string; hours: OpeningHours | null; reason: string; putBy: string },
): Promise<void> =>
  transaction(context.db, async (trx) => {
    await assertConnectors(trx, siteId, null);
    const nowMs = context.clock.wallMs();
    if (hours === null) await trx.deleteFrom('station_hours').where('site_id', '=', siteId).execute();
    else {
      const put = { document: JSON.stringify(hours), reason, put_by: putBy, put_at_ms: nowMs };
      await trx
        .insertInto('station_hours')
        .values({ site_id: siteId, ...put })
        .onConflict((conflict) => conflict.column('site_id').doUpdateSet(put))
        .execute();
    }
    await tell(context, trx, siteId, 'station.hours_changed', { site_id: siteId, opening_hours: hours }, nowMs);
  });

/**
 * Announces a time in which nothing is started at a station. The same one again changes nothing. What runs then goes on.
 *
 * @throws PilegateError `station.unknown`, `connector.unknown`, `maintenance.over` when it would be, or `resource.exists` when its id
 *   names another one
 */
export const planWindow = (context: AnnounceContext, wish: NewWindow, by: string): Promise<MaintenanceWindowRow> =>
  transaction(context.db, async (trx) => {
    await assertConnectors(trx, wish.siteId, wish.connectorIds);
    const known = await findWindow(trx, wish.windowId);
    if (known !== undefined) {
      if (known.site_id === wish.siteId && isSame(known, wish)) return known;
      throw new PilegateError('resource.exists', `window ${wish.windowId} is another one`);
    }
    const nowMs = context.clock.wallMs();
    assertAhead(wish, nowMs);
    const row = await trx
      .insertInto('maintenance_windows')
      .values({
        window_id: wish.windowId,
        site_id: wish.siteId,
        ...columnsOf(wish),
        planned_by: by,
        planned_at_ms: nowMs,
        changed_at_ms: nowMs,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await tell(context, trx, wish.siteId, 'station.maintenance_planned', windowView(row), nowMs);
    return row;
  });

/** @throws PilegateError `maintenance.unknown`, `maintenance.over`, or `connector.unknown` */
export const changeWindow = (context: AnnounceContext, change: WindowChange): Promise<MaintenanceWindowRow> =>
  transaction(context.db, async (trx) => {
    const nowMs = context.clock.wallMs();
    const { site_id: siteId } = await lockOpenWindow(trx, change.windowId, nowMs);
    await assertConnectors(trx, siteId, change.connectorIds);
    assertAhead(change, nowMs);
    const row = await update(trx, change.windowId, { ...columnsOf(change), changed_at_ms: nowMs });
    await tell(context, trx, siteId, 'station.maintenance_changed', windowView(row), nowMs);
    return row;
  });

/** Also of one that has begun. @throws PilegateError `maintenance.unknown` or `maintenance.over` */
export const cancelWindow = (
  context: AnnounceContext,
  { windowId, reason, by }: { windowId: string; reason: string; by: string },
): Promise<MaintenanceWindowRow> =>
  transaction(context.db, async (trx) => {
    const nowMs = context.clock.wallMs();
    const { site_id: siteId } = await lockOpenWindow(trx, windowId, nowMs);
    const cancelled = { cancelled_at_ms: nowMs, cancelled_by: by, cancel_reason: reason, changed_at_ms: nowMs };
    const row = await update(trx, windowId, cancelled);
    await tell(context, trx, siteId, 'station.maintenance_cancelled', windowView(row), nowMs);
    return row;
  });

const columnsOf = ({ connectorIds, fromMs, untilMs, note }: WindowChange) => ({
  connector_ids: connectorIds === null ? null : JSON.stringify(connectorIds),
  from_ms: fromMs,
  until_ms: untilMs,
  note,
});

function isSame(row: MaintenanceWindowRow, wish: WindowChange): boolean {
  const columns = columnsOf(wish);
  return Object.entries(columns).every(([name, value]) => row[name as keyof typeof columns] === value);
}

const findWindow = (trx: Trx, windowId: string): Promise<MaintenanceWindowRow | undefined> =>
  trx.selectFrom('maintenance_windows').selectAll().where('window_id', '=', windowId).forUpdate().executeTakeFirst();

async function lockOpenWindow(trx: Trx, windowId: string, nowMs: number): Promise<MaintenanceWindowRow> {
  const row = await findWindow(trx, windowId);
  if (row === undefined) throw new PilegateError('maintenance.unknown', `no window ${windowId}`);
  if (row.cancelled_at_ms === null && row.until_ms > nowMs) return row;
  throw new PilegateError(
    'maintenance.over',
    `window ${windowId} is ${row.cancelled_at_ms === null ? 'over' : 'cancelled'}`,
  );
}

function assertAhead({ untilMs }: Pick<NewWindow, 'untilMs'>, nowMs: number): void {
  if (untilMs <= nowMs) throw new PilegateError('maintenance.over', 'it would be over already');
}

const update = (trx: Trx, windowId: string, change: Partial<MaintenanceWindowRow>): Promise<MaintenanceWindowRow> =>
  trx
    .updateTable('maintenance_windows')
    .set(change)
    .where('window_id', '=', windowId)
    .returningAll()
    .executeTakeFirstOrThrow();

async function assertConnectors(trx: Trx, siteId: string, connectorIds: readonly string[] | null): Promise<void> {
  const rows = await trx.selectFrom('connectors').select('connector_id').where('site_id', '=', siteId).execute();
  if (rows.length === 0) throw new PilegateError('station.unknown', `no site ${siteId}`);
  const unknown = connectorIds?.find((id) => !rows.some((row) => row.connector_id === id));
  if (unknown !== undefined) throw new PilegateError('connector.unknown', `${siteId} has no connector ${unknown}`);
}
