import { sql } from 'kysely';
import { PilegateError } from '#shared/errors.ts';
import { formatMoney } from '#shared/units.ts';
import type { OrderRow } from '../../db/schema.ts';
import type { Trx } from '../../db/transaction.ts';
import { tariffVersion } from '../../stations/tariff-in-force.ts';
import { type AccountName, availableOf, findAccount } from './accounts.ts';
import { type CreditContext, moveAtEnd, tellIfLow } from './move.ts';
import type { CreditAccountRow, TransferState } from './tables.ts';

/**
 * The account that a charge is paid from; null in the sandbox without one, where nothing is paid.
 *
 * @param accounts those of the partner in this environment
 * @throws PilegateError `credit.none`: there is no credit by default
 */
export function accountFor(
  accounts: readonly CreditAccountRow[],
  name: Pick<AccountName, 'environment' | 'currency'>,
): CreditAccountRow | null {
  const account = accounts.find(({ currency }) => currency === name.currency);
  if (account !== undefined) return account;
  if (name.environment === 'sandbox') return null;
  throw new PilegateError('credit.none', `no terms were set for ${name.currency}`);
}

/**
 * Holds an amount for an order, or refuses. The last statement of its transaction: whoever comes at the same time, in whatever process,
 * waits for the commit and sees what is left then.
 *
 * @param transferId made by the caller, one for each hold
 * @param amountMinor null: as much as the terms say
 * @throws PilegateError `credit.exhausted`
 */
export async function hold(
  context: CreditContext,
  account: CreditAccountRow,
  { transferId, orderId, amountMinor }: { transferId: string; orderId: string; amountMinor: number | null },
): Promise<void> {
  const heldMinor = amountMinor ?? account.hold_per_start_minor;
  if (account.kind === 'unlimited' || heldMinor === null) return;
  const { rows } = await sql<CreditAccountRow>`
    with taken as (
      update credit_accounts set pending_minor = pending_minor + ${heldMinor}::bigint
      where account_id = ${account.account_id}
        and (kind = 'unlimited' or funded_minor + limit_minor - posted_minor - pending_minor >= ${heldMinor}::bigint)
      returning *),
    entry as (
      insert into credit_transfers (transfer_id, account_id, kind, state, debit, credit, amount_minor, order_id, made_by, created_at_ms)
      select ${transferId}::uuid, account_id, 'hold', 'pending', 'partner', 'charges', ${heldMinor}::bigint, ${orderId}::uuid,
        'partner', ${context.nowMs}::bigint from taken)
    select * from taken`.execute(context.trx);
  const [taken] = rows;
  if (taken === undefined) throw await exhausted(context.trx, account, heldMinor);
  await tellIfLow(context, taken);
}

async function exhausted(trx: Trx, { account_id: id, currency }: CreditAccountRow, heldMinor: number) {
  const now = await trx
    .selectFrom('credit_accounts')
    .selectAll()
    .where('account_id', '=', id)
    .executeTakeFirstOrThrow();
  const left = formatMoney(availableOf(now) ?? 0, currency);
  return new PilegateError(
    'credit.exhausted',
    `${left} is left, and ${formatMoney(heldMinor, currency)} is to be held`,
  );
}

/** The account of an order that runs: the one that something is held on, else the one of its tariff's currency, if there is one. */
export async function accountOfOrder(trx: Trx, order: OrderRow): Promise<CreditAccountRow | null> {
  const { order_id: orderId, partner_id: partnerId, environment, tariff_id: tariffId, tariff_version: version } = order;
  const held = await trx
    .selectFrom('credit_accounts')
    .innerJoin('credit_transfers', 'credit_transfers.account_id', 'credit_accounts.account_id')
    .selectAll('credit_accounts')
    .where('credit_transfers.order_id', '=', orderId)
    // A correction may be about the order, on whichever account.
    .where('credit_transfers.kind', '=', 'hold')
    .limit(1)
    .executeTakeFirst();
  if (held !== undefined || partnerId === null || tariffId === null || version === null) return held ?? null;
  const tariff = await tariffVersion(trx, tariffId, version);
  if (tariff === null) return null;
  return (await findAccount(trx, { partnerId, environment, currency: tariff.currency })) ?? null;
}

/** What is held for an order. Whoever changes that has locked the order. */
export const holdsOf = (trx: Trx, orderId: string) =>
  trx
    .selectFrom('credit_transfers')
    .select(['transfer_id', 'account_id', 'amount_minor'])
    .where('order_id', '=', orderId)
    .where('state', '=', 'pending')
    .orderBy('created_at_ms')
    .execute();

/** Ends holds. What they held is free when the transaction ends. */
export async function closeHolds(
  context: CreditContext,
  holds: Awaited<ReturnType<typeof holdsOf>>,
  state: Exclude<TransferState, 'pending'>,
): Promise<void> {
  for (const { transfer_id: transferId, account_id: accountId, amount_minor: amountMinor } of holds) {
    await context.trx
      .updateTable('credit_transfers')
      .set({ state, closed_at_ms: context.nowMs })
      .where('transfer_id', '=', transferId)
      .execute();
    moveAtEnd(context, accountId, { pendingMinor: -amountMinor });
  }
}

/**
 * Holds more for an order that runs, so that together it is what the partner holds of its driver.
 *
 * @throws PilegateError `credit.exhausted`
 */
export async function holdUpTo(
  context: CreditContext,
  order: OrderRow,
  account: CreditAccountRow | null,
  { transferId, totalMinor }: { transferId: string; totalMinor: number },
): Promise<void> {
  if (account === null) return;
  const heldMinor = (await holdsOf(context.trx, order.order_id)).reduce((sum, one) => sum + one.amount_minor, 0);
  if (totalMinor <= heldMinor) return;
  await hold(context, account, { transferId, orderId: order.order_id, amountMinor: totalMinor - heldMinor });
}

/**
 * A raise came to nothing: what raises hold beyond what is needed is free again, also of those that failed before, while another needed
 * it. The amount of a movement never changes: a hold that is needed in part gives way to a smaller one.
 *
 * @param neededMinor no less than the start has held
 */
export async function releaseBeyond(context: CreditContext, order: OrderRow, neededMinor: number): Promise<void> {
  const holds = await holdsOf(context.trx, order.order_id);
  let spareMinor = holds.reduce((sum, one) => sum + one.amount_minor, 0) - neededMinor;
  for (const one of holds.filter(({ transfer_id: id }) => id !== order.order_id).toReversed()) {
    if (spareMinor <= 0) return;
    await closeHolds(context, [one], 'voided');
    if (one.amount_minor > spareMinor) await holdRest(context, order, one.account_id, one.amount_minor - spareMinor);
    spareMinor -= one.amount_minor;
  }
}

/** Part of what was held until now: nobody has to ask whether that much is left. */
async function holdRest(context: CreditContext, order: OrderRow, accountId: string, amountMinor: number) {
  await context.trx
    .insertInto('credit_transfers')
    .values({
      transfer_id: context.random.uuid(),
      account_id: accountId,
      kind: 'hold',
      state: 'pending',
      debit: 'partner',
      credit: 'charges',
      amount_minor: amountMinor,
      order_id: order.order_id,
      made_by: 'platform',
      created_at_ms: context.nowMs,
    })
    .execute();
  moveAtEnd(context, accountId, { pendingMinor: amountMinor });
}
