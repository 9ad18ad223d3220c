import { PilegateError } from '#shared/errors.ts';
import type { StopCommand } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import type { CloudContext } from '../context.ts';
import type { OrderRow } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { lockOrder } from '../orders/store.ts';
import { cancelStart, insertCommand } from './commands.ts';
import { assertRunning, shardOf } from './on-order.ts';

type ForceStopContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'wake'>;

/**
 * Staff stop a charge, whoever has begun it. A start that is not confirmed yet is taken back. Bound to its session, it waits for a site
 * that is away; asked for again while it is on its way, it is the same stop.
 *
 * @returns the order as it was found
 * @throws PilegateError `order.unknown` or `order.not_running`
 */
export async function forceStop(context: ForceStopContext, orderId: string): Promise<OrderRow> {
  const stopped = await transaction(context.db, async (trx) => {
    const order = await lockOrder(trx, orderId);
    if (order === undefined) throw new PilegateError('order.unknown', `no order ${orderId}`);
    const nowMs = context.clock.wallMs();
    if (order.state === 'starting') await cancelStart(trx, orderId, nowMs);
    else await insertStop(context, trx, order, assertRunning(order), nowMs);
    return order;
  });
  context.wake.commands();
  return stopped;
}

async function insertStop(
  { random }: ForceStopContext,
  trx: Trx,
  order: OrderRow,
  sessionId: string,
  nowMs: number,
): Promise<void> {
  const { order_id: orderId, site_id: siteId, connector_id: connectorId } = order;
  const open = await trx
    .selectFrom('commands')
    .select('command_id')
    .where('order_id', '=', orderId)
    .where('kind', '=', 'stop')
    .where('operation_id', 'is', null)
    .where('cancel_closed_at_ms', 'is', null)
    .executeTakeFirst();
  if (open !== undefined) return;
  const commandId = random.uuid();
  const command: StopCommand = {
    v: WIRE_VERSION,
    kind: 'stop',
    commandId,
    requestId: order.request_id ?? `staff-${commandId}`,
    orderId,
    connectorId,
    issuedAtMs: nowMs,
    sessionId,
    reason: 'staff',
  };
  await insertCommand(trx, { operationId: null, siteId, shard: await shardOf(trx, siteId) }, command);
}
