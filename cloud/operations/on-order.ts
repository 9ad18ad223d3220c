import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import type { OperationKind, OperationRow, OrderRow } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { lockOrder } from '../orders/store.ts';
import type { Caller } from '../partners/caller.ts';
import { type Answered, answerOnce, askedBy, findFirst, type WriteRequest, writeRequest } from './first-answer.ts';

export type OrderWriteContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'wake'>;

/**
 * Executes a partner's write on one of its orders at most once, with the order locked.
 *
 * @throws PilegateError `order.unknown` or `request_id.reused`, and what `execute` throws
 */
export async function onOwnOrder(
  context: OrderWriteContext,
  caller: Caller,
  { kind, body }: { kind: OperationKind; body: { readonly request_id: string; readonly order_id: string } },
  execute: (trx: Trx, request: WriteRequest, order: OrderRow, nowMs: number) => Promise<OperationRow>,
): Promise<Answered> {
  const request = writeRequest(caller, kind, body);
  const answer = await answerOnce(context.db, request, () =>
    transaction(context.db, async (trx) => {
      const order = await lockOrder(trx, body.order_id);
      if (order === undefined || order.partner_id !== caller.partnerId || order.environment !== caller.environment) {
        throw new PilegateError('order.unknown', `no order ${body.order_id}`);
      }
      const first = await findFirst(trx, request);
      if (first !== null) return { operation: first, hit: true };
      return { operation: await execute(trx, request, order, context.clock.wallMs()), hit: false };
    }),
  );
  if (!answer.hit) context.wake.commands();
  return answer;
}

/** The session that runs under an order. @throws PilegateError `order.not_running` */
export function assertRunning(order: OrderRow): string {
  if (order.state === 'charging' && order.session_id !== null) return order.session_id;
  throw new PilegateError('order.not_running', `order ${order.order_id} is ${order.state}`);
}

/** An operation on an order that runs: it is bound to the session and has no deadline. */
export function insertOperation(
  context: OrderWriteContext,
  trx: Trx,
  request: WriteRequest,
  order: OrderRow,
  { nowMs, ...more }: { nowMs: number; hold_minor?: number },
): Promise<OperationRow> {
  return trx
    .insertInto('operations')
    .values({
      operation_id: context.random.uuid(),
      partner_id: request.caller.partnerId,
      environment: request.caller.environment,
      kind: request.kind,
      request_id: request.requestId,
      body_sha256: request.bodySha256,
      ...askedBy(request.caller),
      status: 'accepted',
      order_id: order.order_id,
      connector_id: order.connector_id,
      created_at_ms: nowMs,
      deadline_at_ms: null,
      ...more,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** The part of the topics that a site belongs to. */
export async function shardOf(trx: Trx, siteId: string): Promise<number> {
  const site = await trx.selectFrom('sites').select('shard').where('site_id', '=', siteId).executeTakeFirstOrThrow();
  return site.shard;
}
