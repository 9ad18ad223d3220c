import { wordsFor } from '../alerts/facts.ts';
import type { OnAlarms } from '../alerts/take-alarms.ts';
import type { CloudContext } from '../context.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { storable } from '../ingest/storable.ts';
import { opensTicket, priorityOf } from './policy.ts';
import { openTicket, type TicketLink } from './tickets.ts';

/** Who has opened a ticket when no person did. */
export const PLATFORM = 'platform';
const TITLE_CHARACTERS = 200;
const AT_ONCE = 200;

type PolicyContext = Pick<CloudContext, 'db' | 'clock' | 'random'>;

const linkOf = (kind: TicketLink['kind'], id: string | null): TicketLink[] => (id === null ? [] : [{ kind, id }]);

/** Opens tickets of alerts that are not over when somebody has seen them, in the transaction that takes their alarms. */
export const ticketsOfAlerts =
  ({ clock, random }: PolicyContext): OnAlarms =>
  async (trx, { alertId, code, level, key, alarms }) => {
    const [alarm] = alarms;
    if (alarm === undefined || !opensTicket({ code, level })) return;
    await openTicket(trx, clock.wallMs(), {
      ticketId: random.uuid(),
      title: storable(`${wordsFor(code).en} ${alarm.detail}`, TITLE_CHARACTERS),
      priority: priorityOf[level],
      openedBy: PLATFORM,
      comment: null,
      links: [
        { kind: 'alert', id: alertId },
        ...linkOf('site', alarm.site_id),
        ...linkOf('connector', alarm.connector_id),
        ...linkOf('partner', alarm.partner_id),
      ],
      policyKey: `alert ${key}`,
    });
  };

/** Puts every exception of an order before a person: one ticket for each order. */
export const ticketsOfExceptions = (context: PolicyContext): Promise<void> =>
  inPieces(context, async (trx, nowMs) => {
    const rows = await trx
      .selectFrom('exceptions')
      .selectAll()
      .where('ticket_id', 'is', null)
      .where('resolved_at_ms', 'is', null)
      .orderBy('order_id')
      .orderBy('exception_id')
      .limit(AT_ONCE)
      .forUpdate()
      .skipLocked()
      .execute();
    for (const row of rows) {
      const order = await trx
        .selectFrom('orders')
        .select(['partner_id', 'site_id', 'connector_id'])
        .where('order_id', '=', row.order_id)
        .executeTakeFirstOrThrow();
      const ticketId = await openTicket(trx, nowMs, {
        ticketId: context.random.uuid(),
        title: storable(`Order ${row.order_id}: ${row.code}: ${row.detail}`, TITLE_CHARACTERS),
        priority: 'normal',
        openedBy: PLATFORM,
        comment: null,
        links: [
          { kind: 'exception', id: String(row.exception_id) },
          { kind: 'order', id: row.order_id },
          { kind: 'site', id: order.site_id },
          { kind: 'connector', id: order.connector_id },
          ...linkOf('partner', order.partner_id),
        ],
        policyKey: `order ${row.order_id}`,
      });
      await trx
        .updateTable('exceptions')
        .set({ ticket_id: ticketId })
        .where('exception_id', '=', row.exception_id)
        .execute();
    }
    return rows.length;
  });

/** Puts what could not be taken before a person: one ticket for each site and reason, however many records of it there are. */
export const ticketsOfDeadLetters = (context: PolicyContext): Promise<void> =>
  inPieces(context, async (trx, nowMs) => {
    const rows = await trx
      .selectFrom('dead_letters')
      .select(['dead_letter_id', 'site_id', 'code', 'reason'])
      .where('ticket_id', 'is', null)
      .where('settled_at_ms', 'is', null)
      .orderBy('dead_letter_id')
      .limit(AT_ONCE)
      .forUpdate()
      .skipLocked()
      .execute();
    const groups = [...Map.groupBy(rows, ({ site_id: site, code }) => `dead-letter ${site ?? ''} ${code}`)];
    for (const [policyKey, some] of groups.sort(([one], [other]) => (one < other ? -1 : 1))) {
      const [first] = some;
      if (first === undefined) continue;
      const ticketId = await openTicket(trx, nowMs, {
        ticketId: context.random.uuid(),
        title: storable(`Records that could not be taken: ${first.code}: ${first.reason}`, TITLE_CHARACTERS),
        priority: 'normal',
        openedBy: PLATFORM,
        comment: null,
        // The first of them leads to the others: a site may send thousands.
        links: [{ kind: 'dead-letter', id: String(first.dead_letter_id) }, ...linkOf('site', first.site_id)],
        policyKey,
      });
      const ids = some.map((row) => row.dead_letter_id);
      await trx.updateTable('dead_letters').set({ ticket_id: ticketId }).where('dead_letter_id', 'in', ids).execute();
    }
    return rows.length;
  });

async function inPieces(
  { db, clock }: PolicyContext,
  piece: (trx: Trx, nowMs: number) => Promise<number>,
): Promise<void> {
  for (;;) if ((await transaction(db, (trx) => piece(trx, clock.wallMs()))) < AT_ONCE) return;
}
