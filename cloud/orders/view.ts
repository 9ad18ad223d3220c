import { type ErrorCode, errorCatalogue } from '#shared/errors.ts';
import { type Cdr, stopReasonSchema } from '#shared/wire/cdr.ts';
import type { Db } from '../db/connect.ts';
import type { OccupancyRow, OrderRow } from '../db/schema.ts';
import type { Trx } from '../db/transaction.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { settledAmount } from '../partners/credit/charges.ts';
import { cdrOf, cdrView } from './cdr-view.ts';
import { chargeUnderWay } from './charges-under-way.ts';
import { limitsOf, limitsView } from './limits-view.ts';
import { amountDue, occupancyView } from './occupancy-view.ts';
import { progressOf } from './progress.ts';
import type { OrderView } from './schemas.ts';

const isErrorCode = (code: string): code is ErrorCode => code in errorCatalogue;

/** An order as the partner sees it: with its progress while it charges, with all the evidence once it has ended. */
export async function orderView(db: Db | Trx, order: OrderRow, nowMs: number): Promise<OrderView> {
  const isOpen = order.state === 'starting' || order.state === 'charging';
  const row = isOpen
    ? undefined
    : await db.selectFrom('cdrs').selectAll().where('order_id', '=', order.order_id).executeTakeFirst();
  const cdr = row === undefined ? null : cdrOf(row);
  const stay =
    cdr?.occupancyId === undefined
      ? undefined
      : await db.selectFrom('occupancies').selectAll().where('order_id', '=', order.order_id).executeTakeFirst();
  const limits = limitsOf(order);
  return {
    order_id: order.order_id,
    origin: order.origin,
    environment: order.environment,
    state: order.state,
    request_id: order.request_id,
    site_id: order.site_id,
    pile_id: order.pile_id,
    connector_id: order.connector_id,
    session_id: order.session_id,
    created_at: iso(order.created_at_ms),
    started_at: isoOrNull(order.started_at_ms),
    ended_at: isoOrNull(order.ended_at_ms),
    updated_at: iso(order.updated_at_ms),
    meter_start_wh: order.meter_start_wh,
    meter_end_wh: order.meter_end_wh,
    energy_wh: order.energy_wh,
    limits: limits === null ? null : limitsView(limits),
    hold_minor: order.hold_minor,
    stop_reason: order.stop_reason === null ? null : stopReasonSchema.parse(order.stop_reason),
    failure: failureView(order),
    amount_due: await dueView(db, order, cdr, stay),
    occupancy: cdr === null ? null : occupancyView(cdr, stay),
    progress: order.state === 'charging' ? await progressView(db, order, nowMs) : null,
    cdr: row === undefined ? null : cdrView(row),
  };
}

/** Of an order that nobody could bill, or its stay, what a person has said. */
function dueView(
  db: Db | Trx,
  order: OrderRow,
  cdr: Cdr | null,
  stay: OccupancyRow | undefined,
): Promise<OrderView['amount_due']> | OrderView['amount_due'] {
  if (order.state === 'abnormal' || (order.state === 'completed' && stay?.is_agreed === false))
    return settledAmount(db, order.order_id);
  return order.state === 'completed' && cdr !== null ? amountDue(cdr, stay) : null;
}

function failureView(order: OrderRow): OrderView['failure'] {
  const code = order.failure_code;
  if (code === null || !isErrorCode(code)) return null;
  return { code, detail: order.failure_detail ?? '', fault: errorCatalogue[code].fault };
}

async function progressView(db: Db | Trx, order: OrderRow, nowMs: number): Promise<OrderView['progress']> {
  const found = await chargeUnderWay(db, order.order_id);
  return found === null ? null : progressOf(found.charge, found.live, nowMs);
}
