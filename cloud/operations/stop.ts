import type { StopCommand } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import type { OperationRow, OrderRow } from '../db/schema.ts';
import type { Trx } from '../db/transaction.ts';
import type { Caller } from '../partners/caller.ts';
import { cancelStart, insertCommand } from './commands.ts';
import type { Answered } from './first-answer.ts';
import { assertRunning, insertOperation, type OrderWriteContext, onOwnOrder, shardOf } from './on-order.ts';

export interface StopBody {
  readonly request_id: string;
  readonly order_id: string;
}

/**
 * Accepts a stop. A running session gets a stop command, which has no deadline: it waits for a site that is
 * away. While the start itself is still open there is no session to stop, so the start is cancelled; the
 * operation then succeeds when the site has told how the start ended.
 *
 * @throws PilegateError `order.unknown`, `order.not_running` or `request_id.reused`
 */
export function stopCharge(context: OrderWriteContext, caller: Caller, body: StopBody): Promise<Answered> {
  return onOwnOrder(context, caller, { kind: 'stop', body }, async (trx, request, order, nowMs) => {
    if (order.state === 'starting') {
      const operation = await insertOperation(context, trx, request, order, { nowMs });
      await cancelStart(trx, order.order_id, nowMs);
      return operation;
    }
    const sessionId = assertRunning(order);
    const operation = await insertOperation(context, trx, request, order, { nowMs });
    await insertStop(context, trx, order, sessionId, operation);
    return operation;
  });
}

async function insertStop(
  context: OrderWriteContext,
  trx: Trx,
  order: OrderRow,
  sessionId: string,
  operation: OperationRow,
): Promise<void> {
  const command: StopCommand = {
    v: WIRE_VERSION,
    kind: 'stop',
    commandId: context.random.uuid(),
    requestId: operation.request_id,
    orderId: order.order_id,
    connectorId: order.connector_id,
    issuedAtMs: operation.created_at_ms,
    sessionId,
    reason: 'partner',
  };
  const shard = await shardOf(trx, order.site_id);
  await insertCommand(trx, { operationId: operation.operation_id, siteId: order.site_id, shard }, command);
}
