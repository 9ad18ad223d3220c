import type { CloudContext } from '../context.ts';
import { transaction } from '../db/transaction.ts';
import { lockOrder } from '../orders/store.ts';
import { cancelStart } from './commands.ts';
import { failStart } from './finish.ts';

/** The site owns the same deadline and knows more, so its word is awaited a little longer. */
export const GRACE_MS = 5_000;
const AT_ONCE = 100;

type SweeperContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger' | 'wake'>;

/** Fails the starts that nobody confirmed in time, and has their commands cancelled on site. */
export async function failOverdueStarts(context: SweeperContext): Promise<void> {
  const nowMs = context.clock.wallMs();
  const overdue = await context.db
    .selectFrom('operations')
    .select('order_id')
    .where('kind', '=', 'start')
    .where('status', '=', 'accepted')
    .where('deadline_at_ms', '<=', nowMs - GRACE_MS)
    .orderBy('deadline_at_ms')
    .limit(AT_ONCE)
    .execute();
  for (const { order_id: orderId } of overdue) {
    await transaction(context.db, async (trx) => {
      const order = await lockOrder(trx, orderId);
      if (order === undefined || order.state !== 'starting') return;
      const outcome = { trx, random: context.random, logger: context.logger, nowMs };
      await failStart(outcome, order, {
        code: 'operation.timed_out',
        detail: 'the site did not confirm the start within its time',
      });
      await cancelStart(trx, orderId, nowMs);
    });
  }
  if (overdue.length > 0) {
    context.wake.commands();
    context.wake.deliveries();
  }
}
