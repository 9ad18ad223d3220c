import type { CancelReservationCommand } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import type { Trx } from '../db/transaction.ts';
import { insertCommand } from '../operations/commands.ts';
import { shardOf } from '../operations/on-order.ts';
import type { Random } from '../random.ts';

/** The reserve must not be executed any more: from now on its cancel is sent in its place. */
export async function cancelReserve(trx: Trx, reservationId: string, nowMs: number): Promise<void> {
  await trx
    .updateTable('commands')
    .set({ cancelled_at_ms: nowMs, next_send_at_ms: nowMs, sent_count: 0, cancel_closed_at_ms: null })
    .where('reservation_id', '=', reservationId)
    .where('kind', '=', 'reserve')
    .where('cancelled_at_ms', 'is', null)
    .execute();
}

/** It is over: nothing of it is sent any more. */
export async function closeCommands(trx: Trx, reservationId: string, nowMs: number): Promise<void> {
  await trx
    .updateTable('commands')
    .set({ next_send_at_ms: null, cancel_closed_at_ms: nowMs })
    .where('reservation_id', '=', reservationId)
    .where('cancel_closed_at_ms', 'is', null)
    .execute();
}

/** What of a reservation a site is to end. */
export interface Held {
  readonly reservationId: string;
  readonly siteId: string;
  readonly connectorId: string;
  readonly requestId: string;
}

/** The site is to hold it no longer. One is enough: while another is on its way nothing is added, but for somebody's operation. */
export async function sendCancelReservation(
  context: { readonly trx: Trx; readonly random: Random; readonly nowMs: number },
  { reservationId, siteId, connectorId, requestId }: Held,
  operationId: string | null,
): Promise<void> {
  const { trx, random, nowMs } = context;
  if (operationId === null) {
    const open = await trx
      .selectFrom('commands')
      .select('command_id')
      .where('reservation_id', '=', reservationId)
      .where('kind', '=', 'cancel-reservation')
      .where('cancel_closed_at_ms', 'is', null)
      .executeTakeFirst();
    if (open !== undefined) return;
  }
  const command: CancelReservationCommand = {
    v: WIRE_VERSION,
    kind: 'cancel-reservation',
    commandId: random.uuid(),
    requestId,
    connectorId,
    issuedAtMs: nowMs,
    reservationId,
  };
  await insertCommand(trx, { operationId, siteId, shard: await shardOf(trx, siteId) }, command);
}
