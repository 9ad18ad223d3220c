import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import {
  type Answered,
  answerOnce,
  askedBy,
  findFirst,
  type WriteRequest,
  writeRequest,
} from '../operations/first-answer.ts';
import type { Caller } from '../partners/caller.ts';
import { cancelReserve, sendCancelReservation } from './commands.ts';
import { BY_PARTNER } from './ending.ts';
import { isOpen } from './machine.ts';
import { lockReservation, updateReservation } from './store.ts';
import type { ReservationRow } from './tables.ts';

export interface CancelBody {
  readonly request_id: string;
  readonly reservation_id: string;
}

type CancelContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'wake'>;

/**
 * Accepts that a reservation is given back, before its time is over. While the reserve itself is still open it is taken back; what holds
 * is ended by a command, which waits for a site that is away. Either way the operation has its outcome when the site has told how it
 * ended, or the reservation's time is over: it fails only where a charge has used it.
 *
 * @throws PilegateError `reservation.unknown`, `reservation.not_active` or `request_id.reused`
 */
export async function cancelReservation(context: CancelContext, caller: Caller, body: CancelBody): Promise<Answered> {
  const request = writeRequest(caller, 'cancel-reservation', body);
  const answer = await answerOnce(context.db, request, () =>
    transaction(context.db, async (trx) => {
      const row = await lockReservation(trx, body.reservation_id);
      if (row === undefined || row.partner_id !== caller.partnerId || row.environment !== caller.environment)
        throw new PilegateError('reservation.unknown', `no reservation ${body.reservation_id}`);
      const first = await findFirst(trx, request);
      if (first !== null) return { operation: first, hit: true };
      assertOpen(row);
      const nowMs = context.clock.wallMs();
      // It has run out, even though the site has not said so yet.
      if (row.until_ms <= nowMs) throw notActive(row, 'over');
      const operation = await insertOperation(context, trx, request, row, nowMs);
      await askToCancel({ ...context, trx, nowMs }, row, BY_PARTNER, {
        operationId: operation.operation_id,
        requestId: request.requestId,
      });
      return { operation, hit: false };
    }),
  );
  if (!answer.hit) context.wake.commands();
  return answer;
}

function assertOpen(row: ReservationRow): void {
  if (!isOpen(row.state)) throw notActive(row, row.state);
}

const notActive = ({ reservation_id: id }: ReservationRow, how: string): PilegateError =>
  new PilegateError('reservation.not_active', `reservation ${id} is ${how}`);

/**
 * Staff end a reservation.
 *
 * @param by who of the staff
 * @throws PilegateError `reservation.unknown` or `reservation.not_active`
 */
export async function cancelByStaff(
  context: CancelContext,
  reservationId: string,
  by: string,
): Promise<ReservationRow> {
  const asked = await transaction(context.db, async (trx) => {
    const row = await lockReservation(trx, reservationId);
    if (row === undefined) throw new PilegateError('reservation.unknown', `no reservation ${reservationId}`);
    assertOpen(row);
    const asking = { operationId: null, requestId: row.request_id };
    return await askToCancel({ ...context, trx, nowMs: context.clock.wallMs() }, row, `staff ${by}`, asking);
  });
  context.wake.commands();
  return asked;
}

/** Whoever wants it first decides who has given it back. */
async function askToCancel(
  context: Pick<CancelContext, 'random'> & { readonly trx: Trx; readonly nowMs: number },
  row: ReservationRow,
  by: string,
  { operationId, requestId }: { operationId: string | null; requestId: string },
): Promise<ReservationRow> {
  const { trx, nowMs } = context;
  const { reservation_id: reservationId, site_id: siteId, connector_id: connectorId } = row;
  if (row.state === 'requested') await cancelReserve(trx, reservationId, nowMs);
  else await sendCancelReservation(context, { reservationId, siteId, connectorId, requestId }, operationId);
  return row.cancelled_by === null ? await updateReservation(trx, reservationId, { cancelled_by: by }, nowMs) : row;
}

const insertOperation = (
  context: CancelContext,
  trx: Trx,
  { caller, kind, requestId, bodySha256 }: WriteRequest,
  row: ReservationRow,
  nowMs: number,
) =>
  trx
    .insertInto('operations')
    .values({
      operation_id: context.random.uuid(),
      partner_id: caller.partnerId,
      environment: caller.environment,
      kind,
      request_id: requestId,
      body_sha256: bodySha256,
      status: 'accepted',
      reservation_id: row.reservation_id,
      connector_id: row.connector_id,
      created_at_ms: nowMs,
      deadline_at_ms: null,
      ...askedBy(caller),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
