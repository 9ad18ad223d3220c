import { sql } from 'kysely';
import { PilegateError } from '#shared/errors.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import type { CommandRow, OrderRow } from '../db/schema.ts';
import type { RecordContext } from '../ingest/records.ts';
import { lockOrder } from '../orders/store.ts';
import { reservationReported } from '../reservations/reported.ts';
import { lockReservation } from '../reservations/store.ts';
import { cancelledFailure, type Failure, failStart, finishOperation, finishOperations } from './finish.ts';
import { finishMaintenance } from './maintenance.ts';
import { holdReported } from './raise-hold.ts';

type Report = RecordOf<'command.reported'>;

/**
 * How a command is getting on. `received` ends the repetition. `failed` is the final word.
 * `done` ends every command but a start and a reserve: these are confirmed by `session.started`, which says what it is billed from, and by
 * `reservation.active`.
 */
export async function applyCommandReported(context: RecordContext, report: Report): Promise<void> {
  if (report.status === 'received') return received(context, report);
  const command = await findCommand(context, report.commandId);
  const order = command.order_id === null ? null : await orderOf(context, command.order_id);
  // As whoever takes it back does: it comes before its commands.
  const reservation =
    command.reservation_id === null ? undefined : await lockReservation(context.trx, command.reservation_id);
  const isFirst = await close(context, command, report);
  if (command.kind === 'reserve' || command.kind === 'cancel-reservation') {
    // What a site held and the cloud did not know of is ended by a command of nobody's reservation.
    if (reservation !== undefined) await reservationReported(context, command, reservation, outcomeOf(report));
  } else if (order === null) {
    if (isFirst) await finishMaintenance(context, command.command_id, outcomeOf(report));
  } else if (command.kind === 'raise-hold') {
    if (command.operation_id !== null) await holdReported(context, order, command.operation_id, outcomeOf(report));
  } else if (report.status === 'failed') await failed(context, command, order, failureOf(report));
  else if (command.kind === 'stop') await finishOperations(context, order.order_id, 'stop', null);
}

/**
 * Its repetition ends, and nothing else is changed. What it is about is locked first all the same: a later record of the batch may lock it, and
 * whoever takes the command back has locked it before he comes to the command.
 */
async function received({ trx, site, nowMs }: RecordContext, { commandId }: Report): Promise<void> {
  // A cancel goes on being sent until the site has told how it ended.
  const { numAffectedRows } = await sql`
    with command as (
      select order_id, reservation_id from commands where command_id = ${commandId} and site_id = ${site.siteId}),
    locked_order as (
      select from orders where order_id = (select order_id from command) for no key update),
    locked_reservation as (
      select from reservations where reservation_id = (select reservation_id from command) for no key update)
    update commands set status = 'received', received_at_ms = ${nowMs}::bigint,
      next_send_at_ms = case when cancelled_at_ms is null then null else next_send_at_ms end
    where command_id = ${commandId} and site_id = ${site.siteId} and status = 'open'
      and (select count(*) from locked_order) + (select count(*) from locked_reservation) >= 0`.execute(trx);
  if (numAffectedRows === 0n) await findCommand({ trx, site }, commandId);
}

const outcomeOf = (report: Report): Failure | null => (report.status === 'failed' ? failureOf(report) : null);

function failureOf(report: Report): Failure {
  if (report.code === null) throw new PilegateError('wire.schema', 'code: a failed command says why');
  return { code: report.code, detail: report.detail ?? '' };
}

async function failed(context: RecordContext, command: CommandRow, order: OrderRow, failure: Failure): Promise<void> {
  if (command.kind === 'stop') {
    // What others have asked for is decided by commands of its own.
    if (command.operation_id !== null) await finishOperation(context, command.operation_id, failure);
    return;
  }
  const isCancelled = command.cancelled_at_ms !== null && failure.code === 'command.cancelled';
  const why = isCancelled ? await cancelledFailure(context, order.order_id, failure.detail) : failure;
  const after = await failStart(context, order, why);
  // Whoever asked to stop a start that never became a charge has what he wanted.
  if (after.state === 'start_failed') await finishOperations(context, order.order_id, 'stop', null);
}

async function findCommand({ trx, site }: Pick<RecordContext, 'trx' | 'site'>, commandId: string): Promise<CommandRow> {
  const command = await trx
    .selectFrom('commands')
    .selectAll()
    .where('command_id', '=', commandId)
    .where('site_id', '=', site.siteId)
    .executeTakeFirst();
  if (command === undefined) throw new PilegateError('record.refused', `no command ${commandId} of this site`);
  return command;
}

/** Locked, so that whoever ends the order meanwhile comes before or after. */
async function orderOf(context: RecordContext, orderId: string): Promise<OrderRow> {
  const order = await lockOrder(context.trx, orderId);
  if (order === undefined) throw new PilegateError('record.refused', `no order ${orderId}`);
  return order;
}

/**
 * A start or a reserve that was done and then cancelled still runs or holds on site: its cancel is closed by the end of that, or by a site
 * that does not know of it any more.
 *
 * @returns whether this is the first word of how it ended, which is the final one
 */
async function close(context: RecordContext, command: CommandRow, report: Report): Promise<boolean> {
  const stillToCancel = report.status === 'done' && (command.kind === 'start' || command.kind === 'reserve');
  const { numUpdatedRows } = await context.trx
    .updateTable('commands')
    .set(
      stillToCancel
        ? (set) => ({
            status: 'done' as const,
            ended_at_ms: context.nowMs,
            next_send_at_ms: set
              .case()
              .when('cancelled_at_ms', 'is', null)
              .then(null)
              .else(set.ref('next_send_at_ms'))
              .end(),
          })
        : {
            status: report.status,
            ended_at_ms: context.nowMs,
            next_send_at_ms: null,
            cancel_closed_at_ms: context.nowMs,
          },
    )
    .where('command_id', '=', command.command_id)
    .where('status', 'in', ['open', 'received'])
    .executeTakeFirst();
  if (numUpdatedRows === 0n && report.status === 'failed') await closeCancel(context, command);
  return numUpdatedRows > 0n;
}

async function closeCancel({ trx, nowMs }: RecordContext, { command_id: commandId }: CommandRow): Promise<void> {
  await trx
    .updateTable('commands')
    .set({ next_send_at_ms: null, cancel_closed_at_ms: nowMs })
    .where('command_id', '=', commandId)
    .where('cancelled_at_ms', 'is not', null)
    .where('cancel_closed_at_ms', 'is', null)
    .execute();
}
