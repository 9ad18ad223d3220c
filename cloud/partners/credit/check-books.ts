import { sql } from 'kysely';
import { raisePlatformAlarm } from '../../alarms/raise-alarm.ts';
import type { CloudContext } from '../../context.ts';
import type { Db } from '../../db/connect.ts';
import { type Trx, transaction } from '../../db/transaction.ts';
import { cdrOf } from '../../orders/cdr-view.ts';
import { amountDue } from '../../orders/occupancy-view.ts';
import { lockOrder } from '../../orders/store.ts';
import { takeEach } from '../../runtime/take-each.ts';
import { type Due, settleOrder } from './settle.ts';

export interface BookComplaint {
  readonly accountId: string;
  readonly partnerId: string;
  readonly detail: string;
}

/**
 * Accounts whose sums are not those of their movements. One statement sees one moment, so charges that begin and end meanwhile make no
 * difference.
 */
export async function sumComplaints(db: Db): Promise<BookComplaint[]> {
  const { rows } = await sql<{ account_id: string; partner_id: string; what: string; kept: number; moved: number }>`
    with moved as (
      select account_id,
        coalesce(sum(amount_minor) filter (where state = 'pending'), 0)::bigint as pending,
        coalesce(sum(amount_minor) filter (where kind = 'charge'), 0)::bigint as posted,
        coalesce(sum(case when credit = 'partner' then amount_minor else -amount_minor end)
          filter (where kind in ('top_up', 'withdrawal', 'correction')), 0)::bigint as funded
      from credit_transfers group by account_id)
    select a.account_id, a.partner_id, v.what, v.kept, v.moved
    from credit_accounts a left join moved m using (account_id),
      lateral (values ('held', a.pending_minor, coalesce(m.pending, 0)), ('charged', a.posted_minor, coalesce(m.posted, 0)),
        ('funded', a.funded_minor, coalesce(m.funded, 0))) as v (what, kept, moved)
    where v.kept <> v.moved order by a.account_id, v.what`.execute(db);
  return rows.map((row) => ({
    accountId: row.account_id,
    partnerId: row.partner_id,
    detail: `account ${row.account_id}: ${row.what} ${row.kept}, by its movements ${row.moved} minor units`,
  }));
}

const AT_ONCE = 100;

/**
 * Nothing stays held for a charge that is over: each is settled in the transaction that ends it, so what is found here was left by
 * something else, and is put right with an alarm.
 *
 * @returns how many there were
 * @throws why one could not be put right, after the others
 */
export async function releaseForgotten(
  context: Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger'>,
): Promise<number> {
  const forgotten = await context.db
    .selectFrom('credit_transfers')
    .innerJoin('orders', 'orders.order_id', 'credit_transfers.order_id')
    .select(['orders.order_id', 'orders.partner_id', 'orders.state'])
    .distinct()
    .where('credit_transfers.state', '=', 'pending')
    .where('orders.state', 'in', ['start_failed', 'void', 'completed'])
    .limit(AT_ONCE)
    .execute();
  await takeEach(forgotten, ({ order_id: orderId }) =>
    transaction(context.db, async (trx) => {
      const order = await lockOrder(trx, orderId);
      if (order === undefined) return;
      const nowMs = context.clock.wallMs();
      await settleOrder({ ...context, trx, nowMs }, order, await dueOf(trx, orderId));
      const detail = `order ${orderId} is ${order.state}, and money was still held for it`;
      const alarm = {
        partnerId: order.partner_id,
        about: `order/${orderId}`,
        code: 'credit.hold_forgotten',
        severity: 'critical',
        detail,
        nowMs,
      } as const;
      await raisePlatformAlarm(context, trx, alarm);
    }),
  );
  return forgotten.length;
}

/** What an order comes to, by its records. */
async function dueOf(trx: Trx, orderId: string): Promise<Due | null> {
  const row = await trx.selectFrom('cdrs').selectAll().where('order_id', '=', orderId).executeTakeFirst();
  const stay = await trx.selectFrom('occupancies').selectAll().where('order_id', '=', orderId).executeTakeFirst();
  const due = row === undefined ? null : amountDue(cdrOf(row), stay);
  return row === undefined || due === null
    ? null
    : { totalMinor: due.minor, currency: due.currency, recordId: stay?.occupancy_id ?? row.cdr_id };
}
