import { sql } from 'kysely';
import type { Logger } from 'pino';
import { formatMoney } from '#shared/units.ts';
import { raisePlatformAlarm } from '../../alarms/raise-alarm.ts';
import { atEnd, type Trx } from '../../db/transaction.ts';
import type { Random } from '../../random.ts';
import { recordEvent } from '../../webhooks/record-event.ts';
import { availableOf } from './accounts.ts';
import { lowMarksOf, newMark, toldAfter } from './low-marks.ts';
import type { CreditAccountRow } from './tables.ts';
import { accountView } from './view.ts';

export interface CreditContext {
  readonly trx: Trx;
  readonly random: Random;
  readonly logger: Logger;
  readonly nowMs: number;
}

/** By how much the sums of an account change. */
export interface Move {
  readonly fundedMinor?: number;
  readonly postedMinor?: number;
  readonly pendingMinor?: number;
}

/**
 * Changes the sums of an account as the last thing that the transaction does, accounts in the order of their ids: an account that
 * much goes through is held only while the transaction commits, and two transactions wait for each other in one order.
 */
export function moveAtEnd(context: CreditContext, accountId: string, move: Move): void {
  atEnd(context.trx, accountId, async () => {
    const { fundedMinor = 0, postedMinor = 0, pendingMinor = 0 } = move;
    const account = await context.trx
      .updateTable('credit_accounts')
      .set({
        funded_minor: sql<number>`funded_minor + ${fundedMinor}::bigint`,
        posted_minor: sql<number>`posted_minor + ${postedMinor}::bigint`,
        pending_minor: sql<number>`pending_minor + ${pendingMinor}::bigint`,
      })
      .where('account_id', '=', accountId)
      .returningAll()
      .executeTakeFirstOrThrow();
    await tellIfLow(context, account);
  });
}

/**
 * Tells the partner and staff, once, that what is left has fallen below a mark.
 *
 * @param account as this transaction has left it, and holds it
 */
export async function tellIfLow(context: CreditContext, account: CreditAccountRow): Promise<void> {
  const availableMinor = availableOf(account);
  if (availableMinor === null) return;
  const mark = newMark(lowMarksOf(account.low_marks), account.told_mark_minor, availableMinor);
  if (mark === null) return;
  const { account_id: accountId, partner_id: partnerId, environment, currency } = account;
  await context.trx
    .updateTable('credit_accounts')
    .set({ told_mark_minor: mark })
    .where('account_id', '=', accountId)
    .execute();
  const data = { ...accountView(account), mark_minor: mark };
  await recordEvent(context, {
    partnerId,
    environment,
    orderId: null,
    lane: accountId,
    type: 'credit.low',
    data,
    onlyEndpointId: null,
  });
  const left = `${formatMoney(availableMinor, currency)} of ${environment} credit is left, less than ${formatMoney(mark, currency)}`;
  // In the sandbox nobody is kept from charging: it is tried how it runs out.
  const severity = availableMinor > 0 || environment === 'sandbox' ? 'warning' : 'critical';
  await raisePlatformAlarm(context, context.trx, {
    partnerId,
    about: `credit/${partnerId}/${environment}/${currency}`,
    code: 'credit.low',
    severity,
    detail: left,
    nowMs: context.nowMs,
  });
}

/** Money has come or gone, or the terms are others: of marks that are left behind again the next fall is told anew. */
export async function tellAnew(context: CreditContext, account: CreditAccountRow): Promise<CreditAccountRow> {
  const told = toldAfter(lowMarksOf(account.low_marks), account.told_mark_minor, availableOf(account));
  await context.trx
    .updateTable('credit_accounts')
    .set({ told_mark_minor: told })
    .where('account_id', '=', account.account_id)
    .execute();
  const known = { ...account, told_mark_minor: told };
  await tellIfLow(context, known);
  return known;
}
