import { PilegateError } from '#shared/errors.ts';
import type { StopCommand } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import type { CloudContext } from '../context.ts';
import type { OperationRow, OrderRow } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { lockOrder } from '../orders/store.ts';
import type { Caller } from '../partners/caller.ts';
import { cancelStart, insertCommand } from './commands.ts';
import { type Answered, answerOnce, findFirst, type WriteRequest, writeRequest } from './first-answer.ts';

export interface StopBody {
  readonly request_id: string;
  readonly order_id: string;
}

type StopContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'wake'>;

/**
 * Accepts a stop. A running session gets a stop command, which has no deadline: it waits for a site that is
 * away. While the start itself is still open there is no session to stop, so the start is cancelled; the
 * operation then succeeds when the site has told how the start ended.
 *
 * @throws PilegateError `order.unknown`, `order.not_running` or `request_id.reused`
 */
export async function stopCharge(context: StopContext, caller: Caller, body: StopBody): Promise<Answered> {
  const request = writeRequest(caller, 'stop', body);
  const answer = await answerOnce(context.db, request, () =>
    transaction(context.db, async (trx) => {
      const order = await lockOrder(trx, body.order_id);
      if (order === undefined || order.partner_id !== caller.partnerId || order.environment !== caller.environment) {
        throw new PilegateError('order.unknown', `no order ${body.order_id}`);
      }
      const first = await findFirst(trx, request);
      if (first !== null) return { operation: first, hit: true };
      const nowMs = context.clock.wallMs();
      if (order.state === 'starting') {
        const operation = await insertOperation(context, trx, request, order, nowMs);
        await cancelStart(trx, order.order_id, nowMs);
        return { operation, hit: false };
      }
      if (order.state !== 'charging' || order.session_id === null) {
        throw new PilegateError('order.not_running', `order ${order.order_id} is ${order.state}`);
      }
      const operation = await insertOperation(context, trx, request, order, nowMs);
      await insertStop(context, trx, order, order.session_id, operation);
      return { operation, hit: false };
    }),
  );
  if (!answer.hit) context.wake.commands();
  return answer;
}

function insertOperation(
  context: StopContext,
  trx: Trx,
  request: WriteRequest,
  order: OrderRow,
  nowMs: number,
): Promise<OperationRow> {
  return trx
    .insertInto('operations')
    .values({
      operation_id: context.random.uuid(),
      partner_id: request.caller.partnerId,
      environment: request.caller.environment,
      kind: 'stop',
      request_id: request.requestId,
      body_sha256: request.bodySha256,
      status: 'accepted',
      order_id: order.order_id,
      connector_id: order.connector_id,
      created_at_ms: nowMs,
      deadline_at_ms: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

async function insertStop(context: StopContext, trx: Trx, order: OrderRow, sessionId: string, operation: OperationRow) {
  const site = await trx
    .selectFrom('sites')
    .select('shard')
    .where('site_id', '=', order.site_id)
    .executeTakeFirstOrThrow();
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
  const target = { operationId: operation.operation_id, siteId: order.site_id, shard: site.shard };
  await insertCommand(trx, target, command);
}
