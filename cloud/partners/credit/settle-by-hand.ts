import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../../context.ts';
import type { OrderRow } from '../../db/schema.ts';
import { type Trx, transaction } from '../../db/transaction.ts';
import { lockOrder, updateOrder } from '../../orders/store.ts';
import { recordOrderEvent } from '../../webhooks/record-event.ts';
import { chargesOf, isByHand, sumOf } from './charges.ts';
import { accountOfOrder, closeHolds, holdsOf } from './hold.ts';
import { postCharge } from './settle.ts';
import { underTransferId } from './transfer-id.ts';

export interface Settlement {
  readonly orderId: string;
  /** Made by the caller. */
  readonly transferId: string;
  /** Of all of it, with what was charged before. 0: nobody pays, and what was held is given back. */
  readonly amountMinor: number;
  readonly reason: string;
  readonly madeBy: string;
}

type SettleContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger' | 'wake'>;

/**
 * A person has looked at an order that nobody could bill, or of which nobody could bill the stay, and says what the partner pays for all of
 * it. Its record and its state stay as they are; the partner is told. The same settlement again moves nothing.
 *
 * @throws PilegateError `order.unknown`, `credit.unknown`, `credit.settled` when it does not wait for that, or `resource.exists` when the id was
 *   used for another movement
 */
export async function settleByHand(context: SettleContext, settlement: Settlement): Promise<void> {
  await underTransferId(settlement.transferId, () => settle(context, settlement));
  context.wake.deliveries();
}

const settle = (
  context: SettleContext,
  { orderId, transferId, amountMinor, reason, madeBy }: Settlement,
): Promise<void> =>
  transaction(context.db, async (trx) => {
    const order = await lockOrder(trx, orderId);
    if (order === undefined || order.partner_id === null)
      throw new PilegateError('order.unknown', `no order ${orderId}`);
    const charges = await chargesOf(trx, orderId);
    const restMinor = amountMinor - sumOf(charges.filter((one) => one.transfer_id !== transferId));
    if (charges.some((one) => one.transfer_id === transferId && one.amount_minor === restMinor)) return;
    if (!(await isWaiting(trx, order, charges)))
      throw new PilegateError('credit.settled', `order ${orderId} is ${order.state}, with ${charges.length} charges`);
    if (restMinor < 0)
      throw new PilegateError('credit.settled', `more was charged for order ${orderId}: a correction gives it back`);
    const account = await accountOfOrder(trx, order);
    if (account === null) throw new PilegateError('credit.unknown', `nothing is paid for order ${orderId}`);
    const books = { ...context, trx, nowMs: context.clock.wallMs() };
    await closeHolds(books, await holdsOf(trx, orderId), 'posted');
    await postCharge(books, account.account_id, { transferId, amountMinor: restMinor, orderId, reason, madeBy });
    // It moves in the list by change time, as its amount is another now.
    await recordOrderEvent(books, 'charge.settled', await updateOrder(trx, orderId, {}, books.nowMs));
  });

/** Nobody could bill it, or the stay after it, and no person has said what it comes to. */
async function isWaiting(
  trx: Trx,
  order: OrderRow,
  charges: readonly { readonly reason: string | null }[],
): Promise<boolean> {
  if (charges.some(isByHand)) return false;
  if (order.state !== 'completed') return order.state === 'abnormal' && charges.length === 0;
  const stay = await trx
    .selectFrom('occupancies')
    .select('is_agreed')
    .where('order_id', '=', order.order_id)
    .executeTakeFirst();
  return stay?.is_agreed === false;
}
