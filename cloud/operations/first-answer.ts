import { isPilegateError, PilegateError } from '#shared/errors.ts';
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

/** What the first request with this id made, of which `checkFirst` says whether it was the same. */
export const firstQuery = (db: Pick<Db | Trx, 'selectFrom'>, { caller, kind, requestId }: WriteRequest) =>
  db
    .selectFrom('operations')
    .selectAll('operations')
    .where('partner_id', '=', caller.partnerId)
    .where('environment', '=', caller.environment)
    .where('kind', '=', kind)
    .where('request_id', '=', requestId);

/** @throws PilegateError `request_id.reused` when the first request had another body */
export function checkFirst(request: WriteRequest, first: OperationRow): OperationRow {
  if (first.body_sha256 === request.bodySha256) return first;
  throw new PilegateError('request_id.reused', `request_id ${request.requestId} belongs to another request`);
}

/**
 * The operation that the first request with this id made, if there was one.
 *
 * @throws PilegateError `request_id.reused` when that request had another body
 */
export async function findFirst(db: Db | Trx, request: WriteRequest): Promise<OperationRow | null> {
  const first = await firstQuery(db, request).executeTakeFirst();
  return first === undefined ? null : checkFirst(request, first);
}

export interface Answered {
  readonly operation: OperationRow;
  /** True when this repeats an earlier answer and nothing was executed. */
  readonly hit: boolean;
}

/**
 * Executes a write at most once. `execute` looks for the first answer under its lock. What it refuses may have been accepted before,
 * when things were otherwise; and two requests that lock different rows meet at the unique index, where the one that loses finds the
 * winner's operation.
 */
export async function answerOnce(db: Db, request: WriteRequest, execute: () => Promise<Answered>): Promise<Answered> {
  try {
    return await execute();
  } catch (error) {
    const isLost = isUniqueViolation(error);
    if (!isLost && !isPilegateError(error)) throw error;
    const first = await findFirst(db, request);
    if (first !== null) return { operation: first, hit: true };
    if (isLost) throw new PilegateError('connector.occupied', 'another order is under way at this connector');
    throw error;
  }
}
