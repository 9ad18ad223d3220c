import { type ErrorCode, PilegateError } from '#shared/errors.ts';
import type { MaintainCommand, MaintenanceAction } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import { digestOf } from '../canonical-json.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import type { CommandRow, MaintenanceRow } from '../db/schema.ts';
import { isUniqueViolation, type Trx, transaction } from '../db/transaction.ts';
import type { RecordContext } from '../ingest/records.ts';
import { storable } from '../ingest/storable.ts';
import { insertCommand } from './commands.ts';
import type { Failure } from './finish.ts';

const SUPERSEDED = 'command.superseded' satisfies ErrorCode;

/** What staff want done at a connector. */
export interface MaintenanceWish {
  readonly request_id: string;
  readonly connector_id: string;
  readonly action: MaintenanceAction;
  /** With `disable` alone: what runs is stopped as well. */
  readonly stop_running: boolean;
  readonly requested_by: string;
  readonly expires_in_s: number;
}

/** A wish and how its command is getting on. */
export type Maintenance = MaintenanceRow & Pick<CommandRow, 'status'>;

type MaintainContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'wake' | 'logger'>;

/**
 * Sends a maintenance command to a site, by the same sender as every command. It expires: what somebody wanted an hour
 * ago surprises whoever stands at the pile. No maintenance command clears a latched fault; the site sees to that.
 *
 * @returns `hit`: the request is known, and this is how it is getting on
 * @throws PilegateError `connector.unknown` or `request_id.reused`
 */
export async function maintain(
  context: MaintainContext,
  wish: MaintenanceWish,
): Promise<{ maintenance: Maintenance; hit: boolean }> {
  const bodySha256 = digestOf(wish);
  try {
    await insert(context, wish, bodySha256);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    // The same request has come before, or was on its way twice.
    const first = await findFirst(context.db, wish.request_id, bodySha256);
    if (first === null) throw error;
    return { maintenance: first, hit: true };
  }
  context.wake.commands();
  const { request_id: requestId, connector_id: connectorId, action, requested_by: by } = wish;
  context.logger.info({ requestId, connectorId, action, by }, 'maintenance is wanted');
  const made = await findFirst(context.db, requestId, bodySha256);
  if (made === null) throw new Error(`maintenance ${requestId} is gone`);
  return { maintenance: made, hit: false };
}

async function insert(context: MaintainContext, wish: MaintenanceWish, bodySha256: string): Promise<void> {
  const ttlMs = wish.expires_in_s * 1000;
  const commandId = context.random.uuid();
  await transaction(context.db, async (trx) => {
    const site = await trx
      .selectFrom('connectors')
      .innerJoin('sites', 'sites.site_id', 'connectors.site_id')
      .select(['sites.site_id', 'sites.shard'])
      .where('connectors.connector_id', '=', wish.connector_id)
      .forUpdate('connectors')
      .executeTakeFirst();
    if (site === undefined) throw new PilegateError('connector.unknown', `no connector ${wish.connector_id}`);
    const isSetting = wish.action === 'disable' || wish.action === 'enable';
    const nowMs = isSetting ? await supersede(trx, wish, context.clock.wallMs()) : context.clock.wallMs();
    const command: MaintainCommand = {
      v: WIRE_VERSION,
      kind: 'maintain',
      commandId,
      requestId: wish.request_id,
      connectorId: wish.connector_id,
      issuedAtMs: nowMs,
      action: wish.action,
      stopRunning: wish.stop_running,
      by: wish.requested_by,
      expiresAtMs: nowMs + ttlMs,
      ttlMs,
    };
    await insertCommand(trx, { operationId: null, siteId: site.site_id, shard: site.shard }, command);
    const { request_id, connector_id, action, stop_running, requested_by } = wish;
    await trx
      .insertInto('maintenance')
      .values({
        command_id: commandId,
        request_id,
        body_sha256: bodySha256,
        site_id: site.site_id,
        connector_id,
        action,
        stop_running,
        requested_by,
        created_at_ms: nowMs,
        expires_at_ms: nowMs + ttlMs,
      })
      .execute();
  });
}

/**
 * What was wanted of the connector's service before is not sent any more: it could arrive after what is wanted now. The
 * site may have had it, so its own word of it still counts.
 *
 * @returns when this one is wanted: later than any before it, whatever the clocks of several processes say
 */
async function supersede(trx: Trx, wish: MaintenanceWish, wallMs: number): Promise<number> {
  const ofConnector = (trx: Trx) =>
    trx
      .selectFrom('maintenance')
      .where('connector_id', '=', wish.connector_id)
      .where('action', 'in', ['disable', 'enable']);
  const last = await ofConnector(trx)
    .select('created_at_ms')
    .orderBy('created_at_ms', 'desc')
    .limit(1)
    .executeTakeFirst();
  const nowMs = Math.max(wallMs, (last?.created_at_ms ?? 0) + 1);
  const withdrawn = await trx
    .updateTable('commands')
    .set({ next_send_at_ms: null, cancel_closed_at_ms: nowMs })
    .where('command_id', 'in', ofConnector(trx).select('command_id').where('expires_at_ms', '>', nowMs))
    .where('status', 'in', ['open', 'received'])
    .returning('command_id')
    .execute();
  for (const { command_id: commandId } of withdrawn) {
    await trx
      .updateTable('maintenance')
      .set({ code: SUPERSEDED, detail: `"${wish.action}" was wanted after it`, finished_at_ms: nowMs })
      .where('command_id', '=', commandId)
      .execute();
  }
  return nowMs;
}

async function findFirst(db: Db, requestId: string, bodySha256: string): Promise<Maintenance | null> {
  const row = await maintenances(db).where('maintenance.request_id', '=', requestId).executeTakeFirst();
  if (row === undefined) return null;
  if (row.body_sha256 === bodySha256) return row;
  throw new PilegateError('request_id.reused', `request_id ${requestId} was used with another body`);
}

export const maintenances = (db: Db) =>
  db
    .selectFrom('maintenance')
    .innerJoin('commands', 'commands.command_id', 'maintenance.command_id')
    .selectAll('maintenance')
    .select('commands.status');

/** The site has told how it ended, for the first time; `failure` null: it is done. */
export async function finishMaintenance(
  context: RecordContext,
  commandId: string,
  failure: Failure | null,
): Promise<void> {
  const finished = await context.trx
    .updateTable('maintenance')
    .set({
      code: failure?.code ?? null,
      detail: failure === null ? null : storable(failure.detail, 500),
      finished_at_ms: context.nowMs,
    })
    .where('command_id', '=', commandId)
    .returning(['request_id', 'connector_id', 'action', 'requested_by'])
    .executeTakeFirst();
  if (finished === undefined) return;
  const { request_id: requestId, connector_id: connectorId, action, requested_by: by } = finished;
  context.logger.info({ requestId, connectorId, action, by, code: failure?.code }, 'maintenance ends');
}
