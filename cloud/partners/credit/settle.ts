import type { OrderRow } from '../../db/schema.ts';
import { insertException } from '../../orders/exception.ts';
import { findAccount } from './accounts.ts';
import { chargesOf, sumOf } from './charges.ts';
import { closeHolds, holdsOf } from './hold.ts';
import { type CreditContext, moveAtEnd } from './move.ts';

/** What an order comes to, and the record that says so: its id is the name of the movement. */
export interface Due {
  readonly totalMinor: number;
  readonly currency: string;
  readonly recordId: string;
}

/**
 * Brings the books to what an order has become, in the transaction of that: what was held is given back where nothing is billed, and
 * gives way to what is due where something is. Of an order that a person has to look at it stays held until that is done.
 *
 * @param order locked, as it is now
 * @param due null: nothing, or nobody knows yet
 */
export async function settleOrder(context: CreditContext, order: OrderRow, due: Due | null): Promise<void> {
  if (order.partner_id === null) return;
  switch (order.state) {
    case 'starting':
    case 'charging':
    case 'abnormal':
      return;
    case 'start_failed':
    case 'void': {
      const timedOut = order.failure_code === 'operation.timed_out';
      return closeHolds(context, await holdsOf(context.trx, order.order_id), timedOut ? 'expired' : 'voided');
    }
    case 'completed':
      if (due !== null) await postDue(context, order, due);
  }
}

/** Posts what is due beyond what was posted before: a stay after the charge comes later than the charge. */
async function postDue(context: CreditContext, order: OrderRow, due: Due): Promise<void> {
  const holds = await holdsOf(context.trx, order.order_id);
  const accountId = holds[0]?.account_id ?? (await accountOf(context, order, due.currency));
  if (accountId === null) return;
  const before = await chargesOf(context.trx, order.order_id);
  const postedMinor = sumOf(before);
  await closeHolds(context, holds, 'posted');
  if (before.length > 0 && due.totalMinor <= postedMinor) return;
  const charge = { transferId: due.recordId, amountMinor: due.totalMinor - postedMinor, orderId: order.order_id };
  await postCharge(context, accountId, { ...charge, reason: null, madeBy: 'platform' });
}

export interface NewCharge {
  readonly transferId: string;
  readonly amountMinor: number;
  readonly orderId: string | null;
  readonly reason: string | null;
  readonly madeBy: string;
}

/** Takes an amount from an account, whatever is left there: what has been consumed is owed. */
export async function postCharge(context: CreditContext, accountId: string, charge: NewCharge): Promise<void> {
  await context.trx
    .insertInto('credit_transfers')
    .values({
      transfer_id: charge.transferId,
      account_id: accountId,
      kind: 'charge',
      state: 'posted',
      debit: 'partner',
      credit: 'charges',
      amount_minor: charge.amountMinor,
      order_id: charge.orderId,
      reason: charge.reason,
      made_by: charge.madeBy,
      created_at_ms: context.nowMs,
    })
    .execute();
  moveAtEnd(context, accountId, { postedMinor: charge.amountMinor });
}

async function accountOf(context: CreditContext, order: OrderRow, currency: string): Promise<string | null> {
  const { partner_id: partnerId, environment, order_id: orderId } = order;
  const account = await findAccount(context.trx, { partnerId: partnerId ?? '', environment, currency });
  if (account !== undefined) return account.account_id;
  if (environment === 'live') {
    const detail = `it is due in ${currency}, and the partner has no account in that`;
    await insertException(context, orderId, null, { code: 'credit.none', detail });
  }
  return null;
}
