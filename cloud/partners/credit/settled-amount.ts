import type { Db } from '../../db/connect.ts';
import type { Trx } from '../../db/transaction.ts';
import { moneyView } from '../../orders/bill-view.ts';

/** What a person has said that is paid for an order which nobody could bill; null: nobody has yet. */
export async function settledAmount(db: Db | Trx, orderId: string) {
  const charge = await db
    .selectFrom('credit_transfers as charge')
    .innerJoin('credit_accounts as account', 'account.account_id', 'charge.account_id')
    .select(['charge.amount_minor', 'account.currency'])
    .where('charge.order_id', '=', orderId)
    .where('charge.kind', '=', 'charge')
    .executeTakeFirst();
  return charge === undefined ? null : moneyView(charge.amount_minor, charge.currency);
}
