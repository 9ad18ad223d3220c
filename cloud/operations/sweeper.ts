import type { CloudContext } from '../context.ts';
import type { OrderRow } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { lockOrder } from '../orders/store.ts';
import { takeEach } from '../runtime/take-each.ts';
import { CANCEL_LIFE_MS, triesWithin } from './command-sender.ts';
import { cancelStart } from './commands.ts';
import { failStart, timedOut } from './finish.ts';

/** The site owns the same deadline and knows more, so its word is awaited a little longer. */
export const GRACE_MS = 5_000;
const AT_ONCE = 100;

type SweeperContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger' | 'wake' | 'settings' | 'metrics'>;

/**
 * Ends the starts that nobody confirmed in time. First the site is told to cancel: what it answers comes behind everything that it had to
 * tell before, so a charge that it had confirmed in time, while the cloud could not hear, is known by then. Only when it has been told for
 * the time of `startSilenceMs` and has said nothing, the start fails without it. Counted are the tries, and only a process
 * that reaches broker and database makes one: an outage of the cloud uses up no site's time.
 *
 * @throws why one could not be ended, after the others
 */
export async function failOverdueStarts(context: SweeperContext): Promise<void> {
  const nowMs = context.clock.wallMs();
  const mostTries = triesWithin(context.settings.startSilenceMs);
  const overdue = await context.db
    .selectFrom('operations')
    .innerJoin('commands', 'commands.operation_id', 'operations.operation_id')
    .innerJoin('orders', 'orders.order_id', 'operations.order_id')
    .select('orders.order_id')
    .where('operations.kind', '=', 'start')
    .where('operations.status', '=', 'accepted')
    .where('operations.deadline_at_ms', '<=', nowMs - GRACE_MS)
    // Whoever is being asked already must not keep others from being asked.
    .where((where) =>
      where.or([
        where('cancelled_at_ms', 'is', null),
        where('cancel_closed_at_ms', 'is not', null),
        where('sent_count', '>', mostTries),
        where('cancelled_at_ms', '<=', nowMs - CANCEL_LIFE_MS),
      ]),
    )
    .orderBy('operations.deadline_at_ms')
    .limit(AT_ONCE)
    .execute();
  if (overdue.length === 0) return;
  try {
    await takeEach(overdue, ({ order_id: orderId }) =>
      transaction(context.db, async (trx) => {
        const order = await lockOrder(trx, orderId);
        // Anew for each: what is changed late in a round must not have a time that a reader of the list has passed.
        const nowMs = context.clock.wallMs();
        if (order === undefined || order.state !== 'starting') return;
        if (!(await hasBeenAsked(trx, order, mostTries, nowMs))) return await cancelStart(trx, orderId, nowMs);
        await failStart({ ...context, trx, nowMs }, order, timedOut);
      }),
    );
  } finally {
    context.wake.commands();
    context.wake.deliveries();
  }
}

/** Read under the order's lock: another process may just have told the site. */
async function hasBeenAsked(trx: Trx, order: OrderRow, mostTries: number, nowMs: number): Promise<boolean> {
  const start = await trx
    .selectFrom('commands')
    .select(['cancelled_at_ms', 'cancel_closed_at_ms', 'sent_count'])
    .where('order_id', '=', order.order_id)
    .where('kind', '=', 'start')
    .executeTakeFirstOrThrow();
  if (start.cancelled_at_ms === null) return false;
  // Nobody sends that cancel any more.
  if (start.cancelled_at_ms <= nowMs - CANCEL_LIFE_MS) return true;
  return start.cancel_closed_at_ms !== null || start.sent_count > mostTries;
}
