import { PilegateError } from '#shared/errors.ts';
import type { RaiseHoldCommand } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import type { CloudContext } from '../context.ts';
import type { OrderRow } from '../db/schema.ts';
import type { RecordContext } from '../ingest/records.ts';
import { updateOrder } from '../orders/store.ts';
import type { Caller } from '../partners/caller.ts';
import { accountOfOrder, holdUpTo, releaseBeyond } from '../partners/credit/hold.ts';
import { insertCommand } from './commands.ts';
import { type Failure, finishOperation, openOperations } from './finish.ts';
import type { Answered } from './first-answer.ts';
import { assertRunning, insertOperation, onOwnOrder, shardOf } from './on-order.ts';

export interface RaiseHoldBody {
  readonly request_id: string;
  readonly order_id: string;
  /** What is paid or held for the charge as a whole from now on. */
  readonly hold_minor: number;
}

/**
 * Accepts that more is held for a charge that runs. Like a stop it is bound to its session and waits for a site that is away:
 * nobody gives the money back before it is known whether the charge has gone on with it.
 *
 * @throws PilegateError `order.unknown`, `order.not_running`, `hold.none`, `hold.not_higher`, `credit.exhausted`
 *   or `request_id.reused`
 */
export function raiseHold(
  context: Pick<CloudContext, 'db' | 'clock' | 'random' | 'wake' | 'logger'>,
  caller: Caller,
  body: RaiseHoldBody,
): Promise<Answered> {
  return onOwnOrder(context, caller, { kind: 'raise-hold', body }, async (trx, request, order, nowMs) => {
    const sessionId = assertRunning(order);
    const holdMinor = body.hold_minor;
    if (order.hold_minor === null) throw new PilegateError('hold.none', `order ${order.order_id}`);
    if (holdMinor <= order.hold_minor) throw new PilegateError('hold.not_higher', `${order.hold_minor} is held`);
    const operation = await insertOperation(context, trx, request, order, { nowMs, hold_minor: holdMinor });
    const command: RaiseHoldCommand = {
      v: WIRE_VERSION,
      kind: 'raise-hold',
      commandId: context.random.uuid(),
      requestId: operation.request_id,
      orderId: order.order_id,
      connectorId: order.connector_id,
      issuedAtMs: nowMs,
      sessionId,
      holdMinor,
    };
    const shard = await shardOf(trx, order.site_id);
    await insertCommand(trx, { operationId: operation.operation_id, siteId: order.site_id, shard }, command);
    const account = await accountOfOrder(trx, order);
    const wish = { transferId: operation.operation_id, totalMinor: holdMinor };
    await holdUpTo({ ...context, trx, nowMs }, order, account, wish);
    return operation;
  });
}

/** The site has taken a higher hold, or has not. @returns the order as it is then */
export async function holdReported(
  context: RecordContext,
  order: OrderRow,
  operationId: string,
  failure: Failure | null,
): Promise<OrderRow> {
  const finished = await finishOperation(context, operationId, failure);
  if (finished !== null && failure !== null) await giveBack(context, order);
  const raisedTo = failure === null ? (finished?.hold_minor ?? null) : null;
  if (raisedTo === null || (order.hold_minor ?? 0) >= raisedTo) return order;
  return updateOrder(context.trx, order.order_id, { hold_minor: raisedTo }, context.nowMs);
}

/**
 * What may still be charged stays held: what the site has taken, and what raises ask for that have no outcome yet. Of one that failed
 * the site itself has said that it does not charge it, or has written the record without it.
 */
async function giveBack(context: RecordContext, order: OrderRow): Promise<void> {
  const open = await openOperations(context.trx, order.order_id, 'raise-hold');
  const neededMinor = Math.max(order.hold_minor ?? 0, ...open.map((one) => one.hold_minor ?? 0));
  await releaseBeyond(context, order, neededMinor);
}

/**
 * The charge is over: what its record says was held decides over every raise that has no outcome yet.
 *
 * @returns the order with what was held for it
 */
export async function settleHolds(
  context: RecordContext,
  order: OrderRow,
  heldMinor: number | null,
): Promise<OrderRow> {
  let settled = order;
  for (const { operation_id: operationId, hold_minor: raisedTo } of await openOperations(
    context.trx,
    order.order_id,
    'raise-hold',
  )) {
    const isTaken = heldMinor !== null && raisedTo !== null && heldMinor >= raisedTo;
    const failure: Failure = { code: 'session.unknown', detail: 'the charge was over before the site heard of it' };
    settled = await holdReported(context, settled, operationId, isTaken ? null : failure);
  }
  return settled;
}
