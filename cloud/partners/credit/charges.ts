import type { Db } from '../../db/connect.ts';
import type { Trx } from '../../db/transaction.ts';
import { moneyView } from '../../orders/bill-view.ts';

/** What was charged for an order. What a person has charged has a reason. */
export const chargesOf = (db: Db | Trx, orderId: string) =>
  db
    .selectFrom('credit_transfers as charge')
    .innerJoin('credit_accounts as account', 'account.account_id', 'charge.account_id')
    .select(['charge.transfer_id', 'charge.amount_minor', 'charge.reason', 'account.currency'])
    .where('charge.order_id', '=', orderId)
    .where('charge.kind', '=', 'charge')
    .execute();

export const isByHand = ({ reason }: { readonly reason: string | null }): boolean => reason !== null;

export const sumOf = (charges: readonly { readonly amount_minor: number }[]): number =>
  charges.reduce((sum, one) => sum + one.amount_minor, 0);

/** What a person has said that is paid for an order which nobody could bill; null: nobody has yet. */
export async function settledAmount(db: Db | Trx, orderId: string) {
  const charges = await chargesOf(db, orderId);
  const said = charges.find(isByHand);
  return said === undefined ? null : moneyView(sumOf(charges), said.currency);
}
