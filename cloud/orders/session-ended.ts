import { PilegateError } from '#shared/errors.ts';
import { CORRECTION_TOLERANCE_MS, restamp } from '#shared/stamp.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import { digestOf } from '../canonical-json.ts';
import type { OrderRow, OrderState } from '../db/schema.ts';
import type { RecordContext } from '../ingest/records.ts';
import { closeCommandsOfOrder } from '../operations/commands.ts';
import { cancelledFailure, type Failure, failStart, finishOperations } from '../operations/finish.ts';
import { settleHolds } from '../operations/raise-hold.ts';
import { settleOrder } from '../partners/credit/settle.ts';
import { heldMsFor } from '../reservations/store.ts';
import { recordOrderEvent } from '../webhooks/record-event.ts';
import { type AgreedTerms, type CdrVerdict, checkCdr } from './check-cdr.ts';
import { reviewClock } from './clock-review.ts';
import { insertException } from './exception.ts';
import { limitsOf } from './limits-view.ts';
import { assertOwnConnector, insertLocalOrder, lockLocalOrder } from './local-order.ts';
import { nextOrderState } from './machine.ts';
import { amountDue } from './occupancy-view.ts';
import { lockOrder, updateOrder } from './store.ts';
import { knownClock, rememberTimes, toldTime } from './told-time.ts';

/**
 * The charge is over. Its record is stored as it is, for ever; rated again here, it decides how the order
 * ends, and every operation that is still open on the order gets its outcome.
 */
export async function applySessionEnded(context: RecordContext, ended: RecordOf<'session.ended'>): Promise<void> {
  const { cdr } = ended;
  if (await isStored(context, cdr)) return;
  const { siteId } = context.site;
  if (cdr.siteId !== siteId) throw new PilegateError('wire.wrong_site', `a record of ${cdr.siteId} from ${siteId}`);
  await assertOwnConnector(context, cdr.connectorId);
  const known = cdr.orderId === null ? await localOrderOf(context, cdr) : await lockFittingOrder(context, cdr);
  const order = isOperated(known) ? await settleHolds(context, known, cdr.holdMinor ?? null) : known;
  const verdict = checkCdr(cdr, await agreedTerms(context, order, cdr));
  await insertCdr(context, cdr, order, verdict);
  await endOrder(context, order, cdr, verdict);
}

/** Nobody can order anything for a charge that was begun on site: it has neither operations nor commands. */
const isOperated = ({ origin }: OrderRow): boolean => origin !== 'local';

/** @throws PilegateError `wire.conflict` when another record with this identity is stored */
async function isStored(context: RecordContext, cdr: Cdr): Promise<boolean> {
  const rows = await context.trx
    .selectFrom('cdrs')
    .select(['site_id', 'session_id', 'document_sha256'])
    .where((where) =>
      where.or([
        where('cdr_id', '=', cdr.cdrId),
        where.and({ site_id: context.site.siteId, session_id: cdr.sessionId }),
      ]),
    )
    .execute();
  const digest = digestOf(cdr);
  for (const row of rows) {
    if (row.document_sha256 !== digest || row.site_id !== context.site.siteId) {
      throw new PilegateError('wire.conflict', `another record of session ${cdr.sessionId} is stored`);
    }
  }
  return rows.length > 0;
}

/** The one that its begin has made, or a new one: a charge that was never confirmed has told no begin. */
async function localOrderOf(context: RecordContext, cdr: Cdr): Promise<OrderRow> {
  return (await lockLocalOrder(context, cdr)) ?? (await insertLocalOrder(context, cdr));
}

async function lockFittingOrder(context: RecordContext, cdr: Cdr): Promise<OrderRow> {
  const refuse = (detail: string) => new PilegateError('record.refused', detail);
  const order = cdr.orderId === null ? undefined : await lockOrder(context.trx, cdr.orderId);
  if (order === undefined || order.site_id !== context.site.siteId)
    throw refuse(`no order ${cdr.orderId} of this site`);
  if (order.connector_id !== cdr.connectorId)
    throw refuse(`order ${order.order_id} is for connector ${order.connector_id}`);
  if (order.session_id !== null && order.session_id !== cdr.sessionId) {
    throw refuse(`order ${order.order_id} has session ${order.session_id}`);
  }
  return order;
}

/** What the order was started under; a charge begun on site has only the terms it names itself. */
async function agreedTerms(context: RecordContext, order: OrderRow, cdr: Cdr): Promise<AgreedTerms> {
  const named =
    order.tariff_id === null ? cdr.tariff : { tariffId: order.tariff_id, version: order.tariff_version ?? 0 };
  const tariff = named === null ? null : await context.facts.tariff(named.tariffId, named.version);
  const limits = order.origin === 'local' ? (cdr.limits ?? null) : limitsOf(order);
  // Where a reservation costs nothing, most charges have had none: nobody asks.
  const mayBeHeld = cdr.reservation !== undefined || tariff?.reservation !== undefined;
  const heldMs = mayBeHeld ? await heldMsFor(context.trx, order.order_id) : null;
  return { tariff, holdMinor: order.hold_minor, heldMs, limits };
}

async function insertCdr(context: RecordContext, cdr: Cdr, order: OrderRow, { rerated }: CdrVerdict): Promise<void> {
  await context.trx
    .insertInto('cdrs')
    .values({
      cdr_id: cdr.cdrId,
      site_id: context.site.siteId,
      session_id: cdr.sessionId,
      order_id: order.order_id,
      document: JSON.stringify(cdr),
      document_sha256: digestOf(cdr),
      rerated: rerated === null ? null : JSON.stringify(rerated),
      received_at_ms: context.nowMs,
    })
    .execute();
}

async function endOrder(
  context: RecordContext,
  order: OrderRow,
  cdr: Cdr,
  { verdict, complaint }: CdrVerdict,
): Promise<void> {
  const { trx, nowMs } = context;
  const next = nextOrderState(order.state, { kind: 'session-ended', verdict });
  if (!next.ok) throw new PilegateError('record.refused', `order ${order.order_id}: ${next.reason}`);
  const [started, ended] = [await toldTime(context, cdr.startedAt), await toldTime(context, cdr.endedAt)];
  const times = [
    { ...started, moment: 'started' as const },
    { ...ended, moment: 'ended' as const },
  ];
  await rememberTimes(context, order.order_id, times);
  const evidence = {
    session_id: cdr.sessionId,
    started_at_ms: started.wallMs,
    ended_at_ms: ended.wallMs,
    meter_start_wh: cdr.meterStartWh,
    meter_end_wh: cdr.meterEndWh,
    energy_wh: cdr.energyWh,
    stop_reason: cdr.stopReason,
  };
  if (isOperated(order)) await closeCommandsOfOrder(trx, order.order_id, nowMs);
  if (next.value === 'start_failed') {
    const known = await updateOrder(trx, order.order_id, { ...evidence, ended_at_ms: order.ended_at_ms }, nowMs);
    await failStart(context, known, await voidFailure(context, known, cdr));
  } else {
    // Energy has flowed and is billed, so the start did succeed, even if its own report was lost.
    if (isOperated(order)) await finishOperations(context, order.order_id, 'start', null);
    const done = await updateOrder(trx, order.order_id, { ...evidence, state: next.value }, nowMs);
    const due = amountDue(cdr, undefined);
    await settleOrder(context, done, due && { totalMinor: due.minor, currency: due.currency, recordId: cdr.cdrId });
    // Of an order that was ended without its record the end has been told.
    if (order.state !== 'abnormal') await recordOrderEvent(context, 'charge.ended', done);
  }
  if (isOperated(order)) await finishOperations(context, order.order_id, 'stop', null);
  if (complaint !== null) await insertException(context, order.order_id, cdr.cdrId, complaint);
  const surprise = surpriseOf(order.state, next.value);
  if (surprise !== null && complaint === null) await insertException(context, order.order_id, cdr.cdrId, surprise);
  await reviewToldTimes(context, order.order_id, cdr);
  const fields = {
    siteId: context.site.siteId,
    orderId: order.order_id,
    sessionId: cdr.sessionId,
    energyWh: cdr.energyWh,
  };
  context.logger.info({ ...fields, state: next.value, stopReason: cdr.stopReason }, 'charge is over');
}

/** A record that fits no longer what the order has become: a person decides, also where both sides rate it the same. */
function surpriseOf(before: OrderState, after: OrderState): { code: string; detail: string } | null {
  if (before === 'start_failed' && after === 'abnormal')
    return { code: 'order.charged_after_failure', detail: 'the start had failed, yet the site bills a charge' };
  if (before === 'abnormal')
    return { code: 'order.record_after_loss', detail: 'the order was ended as lost, and now its record has come' };
  return null;
}

/** The site may have corrected its clock before this record came: then nothing else will look at the bill. */
async function reviewToldTimes(context: RecordContext, orderId: string, cdr: Cdr): Promise<void> {
  for (const told of [cdr.startedAt, cdr.endedAt]) {
    const clock = await knownClock(context, told.bootId);
    if (clock === null || Math.abs(restamp(told, clock).wallMs - told.wallMs) <= CORRECTION_TOLERANCE_MS) continue;
    return reviewClock(context, orderId, cdr, clock);
  }
}

async function voidFailure(context: RecordContext, order: OrderRow, cdr: Cdr): Promise<Failure> {
  return cdr.voidReason === 'cancelled'
    ? await cancelledFailure(context, order.order_id, 'the site stopped the cancelled start')
    : { code: 'operation.timed_out', detail: 'the site could not confirm the start in time' };
}
