import { PilegateError } from '#shared/errors.ts';
import { digestOf } from '../../canonical-json.ts';
import { type Trx, transaction } from '../../db/transaction.ts';
import { type AccountName, availableOf, findAccount } from './accounts.ts';
import { tellAnew } from './move.ts';
import type { CreditWriteContext } from './set-terms.ts';
import type { CreditAccountRow, CreditTransferRow } from './tables.ts';
import { underTransferId } from './transfer-id.ts';

export interface NewTransfer extends AccountName {
  /** Made by the caller. */
  readonly transferId: string;
  readonly kind: 'top_up' | 'withdrawal' | 'credit' | 'debit';
  readonly amountMinor: number;
  readonly reference: string;
  readonly orderId: string | null;
  readonly reason: string;
  readonly madeBy: string;
}

type Entry = Pick<CreditTransferRow, 'kind' | 'debit' | 'credit' | 'amount_minor' | 'order_id' | 'reference'>;

const entries = {
  top_up: { kind: 'top_up', debit: 'funds', credit: 'partner' },
  withdrawal: { kind: 'withdrawal', debit: 'partner', credit: 'funds' },
  credit: { kind: 'correction', debit: 'corrections', credit: 'partner' },
  debit: { kind: 'correction', debit: 'partner', credit: 'corrections' },
} as const;

/**
 * Books money that has come or gone, or puts right what was posted. The same movement again moves nothing.
 *
 * @throws PilegateError `credit.unknown`, `order.unknown`, `resource.exists` when the id was used for something else, or
 *   `credit.exhausted` when less is left than is to be paid back
 */
export const transfer = (context: CreditWriteContext, wish: NewTransfer): Promise<CreditAccountRow> =>
  underTransferId(wish.transferId, () => book(context, wish));

const book = (context: CreditWriteContext, wish: NewTransfer): Promise<CreditAccountRow> =>
  transaction(context.db, async (trx) => {
    const found = await findAccount(trx, wish);
    if (found === undefined)
      throw new PilegateError('credit.unknown', `${wish.partnerId} has none in ${wish.currency}`);
    // Ahead of the account, as whoever settles the order does.
    if (wish.orderId !== null) await assertOrderOf(trx, wish.orderId, wish);
    const nowMs = context.clock.wallMs();
    const before = await trx
      .selectFrom('credit_accounts')
      .selectAll()
      .where('account_id', '=', found.account_id)
      .forNoKeyUpdate()
      .executeTakeFirstOrThrow();
    const entry: Entry = {
      ...entries[wish.kind],
      amount_minor: wish.amountMinor,
      order_id: wish.orderId,
      reference: wish.reference,
    };
    const first = await trx
      .selectFrom('credit_transfers')
      .selectAll()
      .where('transfer_id', '=', wish.transferId)
      .executeTakeFirst();
    if (first !== undefined) {
      const same = first.account_id === before.account_id && digestOf(entryOf(first)) === digestOf(entry);
      if (same) return before;
      throw new PilegateError('resource.exists', `movement ${wish.transferId} is another one`);
    }
    const signedMinor = entry.credit === 'partner' ? wish.amountMinor : -wish.amountMinor;
    const availableMinor = availableOf(before);
    if (wish.kind === 'withdrawal' && availableMinor !== null && availableMinor < wish.amountMinor)
      throw new PilegateError('credit.exhausted', `${availableMinor} minor units of ${wish.currency} are left`);
    await trx
      .insertInto('credit_transfers')
      .values({
        transfer_id: wish.transferId,
        account_id: before.account_id,
        state: 'posted',
        ...entry,
        reason: wish.reason,
        made_by: wish.madeBy,
        created_at_ms: nowMs,
      })
      .execute();
    const after = await trx
      .updateTable('credit_accounts')
      .set({ funded_minor: before.funded_minor + signedMinor })
      .where('account_id', '=', before.account_id)
      .returningAll()
      .executeTakeFirstOrThrow();
    return tellAnew({ ...context, trx, nowMs }, after);
  });

const entryOf = ({ kind, debit, credit, amount_minor, order_id, reference }: CreditTransferRow): Entry => ({
  kind,
  debit,
  credit,
  amount_minor,
  order_id,
  reference,
});

async function assertOrderOf(trx: Trx, orderId: string, { partnerId, environment }: AccountName) {
  const order = await trx
    .selectFrom('orders')
    .select('order_id')
    .where('order_id', '=', orderId)
    .where('partner_id', '=', partnerId)
    .where('environment', '=', environment)
    .forKeyShare()
    .executeTakeFirst();
  if (order === undefined)
    throw new PilegateError('order.unknown', `no ${environment} order ${orderId} of ${partnerId}`);
}
