import type { Logger } from 'pino';
import type { ErrorCode } from '#shared/errors.ts';
import type { OperationKind, OperationRow, OrderRow } from '../db/schema.ts';
import { onceStored, type Trx } from '../db/transaction.ts';
import { storable } from '../ingest/storable.ts';
import type { CloudMetrics } from '../metrics/cloud-metrics.ts';
import { nextOrderState } from '../orders/machine.ts';
import { updateOrder } from '../orders/store.ts';
import { settleOrder } from '../partners/credit/settle.ts';
import type { Random } from '../random.ts';
import { recordOrderEvent } from '../webhooks/record-event.ts';
import { operationView } from './view.ts';

export interface OutcomeContext {
  readonly trx: Trx;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Pick<CloudMetrics, 'operationEnded'>;
  readonly nowMs: number;
}

export interface Failure {
  readonly code: ErrorCode;
  readonly detail: string;
}

/**
 * Ends the open operations of one kind on an order, which is locked in this transaction. The condition on the status makes the outcome
 * final: whoever comes second changes nothing.
 *
 * @returns whether this call decided anything
 */
export async function finishOperations(
  context: OutcomeContext,
  orderId: string,
  kind: OperationKind,
  failure: Failure | null,
): Promise<boolean> {
  const ended = await endOpen(context, failure)
    .where('order_id', '=', orderId)
    .where('kind', '=', kind)
    .returningAll()
    .execute();
  for (const row of ended) await tellEnd(context, row, failure);
  return ended.length > 0;
}

/** What somebody still waits for on an order. */
export const openOperations = (trx: Trx, orderId: string, kind: OperationKind): Promise<OperationRow[]> =>
  trx
    .selectFrom('operations')
    .selectAll()
    .where('order_id', '=', orderId)
    .where('kind', '=', kind)
    .where('status', '=', 'accepted')
    .execute();

/** Ends one operation. @returns the operation; null when it has its outcome already */
export async function finishOperation(
  context: OutcomeContext,
  operationId: string,
  failure: Failure | null,
): Promise<OperationRow | null> {
  const row = await endOpen(context, failure).where('operation_id', '=', operationId).returningAll().executeTakeFirst();
  if (row === undefined) return null;
  await tellEnd(context, row, failure);
  return row;
}

/** The condition is what makes an outcome final. */
const endOpen = ({ trx, nowMs }: OutcomeContext, failure: Failure | null) =>
  trx
    .updateTable('operations')
    .set({
      status: failure === null ? 'succeeded' : 'failed',
      code: failure?.code ?? null,
      detail: failure === null ? null : storable(failure.detail, 500),
      finished_at_ms: nowMs,
    })
    .where('status', '=', 'accepted');

async function tellEnd(context: OutcomeContext, row: OperationRow, failure: Failure | null): Promise<void> {
  const { operation_id: operationId, request_id: requestId, order_id: orderId, kind } = row;
  const fields = { operationId, requestId, orderId, kind, code: failure?.code };
  const durationMs = context.nowMs - row.created_at_ms;
  onceStored(context.trx, () => context.metrics.operationEnded({ kind, code: failure?.code ?? null, durationMs }));
  context.logger.info(fields, failure === null ? 'operation succeeds' : 'operation fails');
  if (kind === 'stop' && orderId !== null && failure !== null) await tellStopFailed(context, orderId, row);
}

/** A stop that succeeds is told by the end of its charge. Of one that fails nothing else would tell: the charge may go on. */
async function tellStopFailed(context: OutcomeContext, orderId: string, row: OperationRow): Promise<void> {
  const order = await context.trx
    .selectFrom('orders')
    .selectAll()
    .where('order_id', '=', orderId)
    .executeTakeFirstOrThrow();
  await recordOrderEvent(context, 'charge.stop_failed', order, { operation: operationView(row) });
}

/** A start that was cancelled: by the partner, who has asked for its stop, by staff, or else by the cloud, because its time was over. */
export async function cancelledFailure({ trx }: OutcomeContext, orderId: string, detail: string): Promise<Failure> {
  const stop = await trx
    .selectFrom('operations')
    .select('operation_id')
    .where('order_id', '=', orderId)
    .where('kind', '=', 'stop')
    .executeTakeFirst();
  if (stop !== undefined || (await isTakenBackInTime(trx, orderId))) return { code: 'command.cancelled', detail };
  return timedOut;
}

/** Before its time was over nobody but a person takes a start back. */
async function isTakenBackInTime(trx: Trx, orderId: string): Promise<boolean> {
  const start = await trx
    .selectFrom('commands')
    .select(['cancelled_at_ms', 'expires_at_ms'])
    .where('order_id', '=', orderId)
    .where('kind', '=', 'start')
    .executeTakeFirst();
  return start?.cancelled_at_ms != null && start.expires_at_ms !== null && start.cancelled_at_ms < start.expires_at_ms;
}

export const timedOut: Failure = {
  code: 'operation.timed_out',
  detail: 'the site did not confirm the start within its time',
};

/**
 * A start came to nothing: operation and order fail, whoever wanted to stop it has got that, and the partner
 * is told. Does nothing when the start has its outcome already.
 *
 * @param order locked in this transaction
 */
export async function failStart(context: OutcomeContext, order: OrderRow, failure: Failure): Promise<OrderRow> {
  const decided = await finishOperations(context, order.order_id, 'start', failure);
  const next = nextOrderState(order.state, { kind: 'start-failed' });
  if (!decided || !next.ok) return order;
  const change = { state: next.value, failure_code: failure.code, failure_detail: storable(failure.detail, 500) };
  const failed = await updateOrder(
    context.trx,
    order.order_id,
    { ...change, ended_at_ms: context.nowMs },
    context.nowMs,
  );
  // Whoever asked to stop a start that never became a charge has what he wanted.
  await finishOperations(context, order.order_id, 'stop', null);
  await settleOrder(context, failed, null);
  await recordOrderEvent(context, 'charge.start_failed', failed);
  return failed;
}
