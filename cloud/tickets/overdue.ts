import { raisePlatformAlarm } from '../alarms/raise-alarm.ts';
import type { CloudContext } from '../context.ts';
import { transaction } from '../db/transaction.ts';
import { iso } from '../http/iso.ts';
import { PLATFORM } from './by-policy.ts';
import { note } from './tickets.ts';

const AT_ONCE = 100;

type OverdueContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger'>;

/** Raises an alarm about each ticket whose time is over, once for each time that it was given. */
export async function tellOverdue(context: OverdueContext): Promise<void> {
  for (;;) if ((await tellSome(context)) < AT_ONCE) return;
}

const tellSome = (context: OverdueContext): Promise<number> =>
  transaction(context.db, async (trx) => {
    const nowMs = context.clock.wallMs();
    const tickets = await trx
      .selectFrom('tickets')
      .selectAll()
      .where('due_at_ms', '<=', nowMs)
      .where('overdue_told_at_ms', 'is', null)
      .where('state', 'not in', ['resolved', 'closed'])
      .orderBy('due_at_ms')
      .limit(AT_ONCE)
      .forUpdate()
      .skipLocked()
      .execute();
    for (const { ticket_id: ticketId, number, title, priority, assignee, due_at_ms: dueAtMs } of tickets) {
      await trx.updateTable('tickets').set({ overdue_told_at_ms: nowMs }).where('ticket_id', '=', ticketId).execute();
      await note(trx, { ticketId, by: PLATFORM, kind: 'overdue', detail: {}, nowMs });
      await raisePlatformAlarm(context, trx, {
        partnerId: null,
        // Another time that is over is news, also to who is at the alert of the one before.
        about: `ticket/${number}/${iso(dueAtMs)}`,
        code: 'ticket.overdue',
        severity: priority === 'urgent' ? 'critical' : 'warning',
        detail: `ticket ${number} (${priority}, ${assignee ?? 'nobody'}): ${title}`,
        nowMs,
      });
    }
    return tickets.length;
  });
