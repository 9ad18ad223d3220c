import { PilegateError } from '#shared/errors.ts';
import { digestOf } from '../canonical-json.ts';
import type { Db } from '../db/connect.ts';
import type { OperationKind, OperationRow } from '../db/schema.ts';
import { isUniqueViolation, type Trx } from '../db/transaction.ts';
import type { Caller } from '../partners/caller.ts';

/** One write request of a partner: the same (partner, environment, kind, request id) is the same request. */
export interface WriteRequest {
  readonly caller: Caller;
  readonly kind: OperationKind;
  readonly requestId: string;
  readonly bodySha256: string;
}

export const writeRequest = (caller: Caller, kind: OperationKind, body: { request_id: string }): WriteRequest => ({
  caller,
  kind,
  requestId: body.request_id,
  bodySha256: digestOf(body),
});

/** Who has asked, as an operation keeps it. */
export const askedBy = ({ keyId, call }: Caller) => ({
  key_id: keyId,
  caller_address: call?.address.slice(0, 64) ?? null,
  correlation_id: call?.correlationId ?? null,
  trace_id: call?.traceId ?? null,
});

/**
 * The operation that the first request with this id made, if there was one.
 *
 * @throws PilegateError `request_id.reused` when that request had another body
 */
export async function findFirst(db: Db | Trx, request: WriteRequest): Promise<OperationRow | null> {
  const first = await db
    .selectFrom('operations')
    .selectAll()
    .where('partner_id', '=', request.caller.partnerId)
    .where('environment', '=', request.caller.environment)
    .where('kind', '=', request.kind)
    .where('request_id', '=', request.requestId)
    .executeTakeFirst();
  if (first === undefined) return null;
  if (first.body_sha256 !== request.bodySha256) {
    throw new PilegateError('request_id.reused', `request_id ${request.requestId} belongs to another request`);
  }
  return first;
}

export interface Answered {
  readonly operation: OperationRow;
  /** True when this repeats an earlier answer and nothing was executed. */
  readonly hit: boolean;
}

/**
 * Executes a write at most once. `execute` looks for the first answer again under its lock; two requests that
 * lock different rows meet at the unique index, and the one that loses finds the winner's operation.
 */
export async function answerOnce(db: Db, request: WriteRequest, execute: () => Promise<Answered>): Promise<Answered> {
  const first = await findFirst(db, request);
  if (first !== null) return { operation: first, hit: true };
  try {
    return await execute();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const winner = await findFirst(db, request);
    if (winner === null) throw new PilegateError('connector.occupied', 'another order is under way at this connector');
    return { operation: winner, hit: true };
  }
}
