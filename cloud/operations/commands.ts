import type { Insertable } from 'kysely';
import { encode } from '#shared/wire/decode.ts';
import type { Command } from '#shared/wire/messages.ts';
import type { Db } from '../db/connect.ts';
import type { Database } from '../db/schema.ts';
import type { Trx } from '../db/transaction.ts';

type OrderCommandKind = Exclude<Command['kind'], 'maintain' | 'reserve' | 'cancel-reservation'>;

/** Whose outcome a command is to bring, and where it goes. */
export interface CommandTarget {
  readonly operationId: string | null;
  readonly siteId: string;
  readonly shard: number;
}

/** Writes a command to be sent. The sender publishes it after the commit, and again until the site has it. */
export async function insertCommand(trx: Trx, target: CommandTarget, command: Command): Promise<void> {
  await trx.insertInto('commands').values(commandToSend(target, command)).execute();
}

/** A command as it is stored to be sent. */
export const commandToSend = (target: CommandTarget, command: Command): Insertable<Database['commands']> => ({
  command_id: command.commandId,
  operation_id: target.operationId,
  order_id: 'orderId' in command ? command.orderId : null,
  // A start that presents one belongs to its order.
  reservation_id: command.kind === 'reserve' || command.kind === 'cancel-reservation' ? command.reservationId : null,
  site_id: target.siteId,
  shard: target.shard,
  kind: command.kind,
  document: encode(command),
  status: 'open',
  created_at_ms: command.issuedAtMs,
  expires_at_ms: 'expiresAtMs' in command ? command.expiresAtMs : null,
  next_send_at_ms: command.issuedAtMs,
  cancelled_at_ms: null,
  cancel_closed_at_ms: null,
});

/** The start of an order must not be executed any more: from now on its cancel is sent in its place. */
export async function cancelStart(trx: Trx, orderId: string, nowMs: number): Promise<void> {
  await trx
    .updateTable('commands')
    .set({ cancelled_at_ms: nowMs, next_send_at_ms: nowMs, sent_count: 0, cancel_closed_at_ms: null })
    .where('order_id', '=', orderId)
    .where('kind', '=', 'start')
    .where('cancelled_at_ms', 'is', null)
    .execute();
}

/** The start of an order is not sent any more. One that is taken back goes on being: that may stand for a stop. */
export async function closeStart(trx: Trx, orderId: string, nowMs: number): Promise<void> {
  await trx
    .updateTable('commands')
    .set({ next_send_at_ms: null, cancel_closed_at_ms: nowMs })
    .where('order_id', '=', orderId)
    .where('kind', '=', 'start')
    .where('cancelled_at_ms', 'is', null)
    .where('cancel_closed_at_ms', 'is', null)
    .execute();
}

/** It is over: nothing of this order, or nothing of these kinds, is sent any more. */
export async function closeCommandsOfOrder(
  trx: Trx,
  orderId: string,
  nowMs: number,
  kinds: readonly OrderCommandKind[] = ['start', 'stop', 'raise-hold'],
): Promise<void> {
  await trx
    .updateTable('commands')
    .set({ next_send_at_ms: null, cancel_closed_at_ms: nowMs })
    .where('order_id', '=', orderId)
    .where('kind', 'in', kinds)
    .where('cancel_closed_at_ms', 'is', null)
    .execute();
}

/** After a hello everything unfinished is sent again: the site's store may be another one than before. */
export async function makeUnfinishedDue(db: Db, siteId: string, nowMs: number): Promise<void> {
  await db
    .updateTable('commands')
    .set({ next_send_at_ms: nowMs })
    .where('site_id', '=', siteId)
    .where('cancel_closed_at_ms', 'is', null)
    .where((where) => where.or([where('status', 'in', ['open', 'received']), where('cancelled_at_ms', 'is not', null)]))
    .execute();
}
