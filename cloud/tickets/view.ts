import type { z } from 'zod';
import { uuidSchema } from '#shared/ids.ts';
import type { Db } from '../db/connect.ts';
import { decodeCursor } from '../http/cursor.ts';
import { iso } from '../http/iso.ts';
import { isOver, movesOf } from './machine.ts';
import { keptLinkId, type TicketQuery, type ticketSchema, type wholeTicketSchema } from './schemas.ts';
import type { TicketRow } from './tables.ts';

export const ticketView = (row: TicketRow, nowMs: number): z.infer<typeof ticketSchema> => ({
  ticket_id: row.ticket_id,
  number: row.number,
  title: row.title,
  state: row.state,
  priority: row.priority,
  assignee: row.assignee,
  opened_by: row.opened_by,
  opened_at: iso(row.opened_at_ms),
  updated_at: iso(row.updated_at_ms),
  due_at: iso(row.due_at_ms),
  overdue: !isOver(row.state) && row.due_at_ms <= nowMs,
  resolution: row.resolution,
});

/** With its links, and everything that was done with it, the oldest first. */
export async function wholeTicketView(
  db: Db,
  row: TicketRow,
  nowMs: number,
): Promise<z.infer<typeof wholeTicketSchema>> {
  const { ticket_id: ticketId } = row;
  const links = await db
    .selectFrom('ticket_links')
    .select(['kind', 'id'])
    .where('ticket_id', '=', ticketId)
    .orderBy('linked_at_ms')
    .orderBy('kind')
    .orderBy('id')
    .execute();
  const events = await db
    .selectFrom('ticket_events')
    .selectAll()
    .where('ticket_id', '=', ticketId)
    .orderBy('event_id')
    .execute();
  return {
    ...ticketView(row, nowMs),
    moves: [...movesOf(row.state)],
    links,
    history: events.map((event) => ({
      at: iso(event.at_ms),
      by: event.by,
      kind: event.kind,
      detail: JSON.parse(event.detail),
    })),
  };
}

/** One more than the page holds, so that it shows whether there are more; the last change first. */
export function listTickets(db: Db, query: TicketQuery, nowMs: number): Promise<TicketRow[]> {
  const { state, priority, assignee, overdue, link_kind: kind, link_id: id, cursor, limit } = query;
  let rows = db.selectFrom('tickets').selectAll('tickets');
  if (state === 'unresolved') rows = rows.where('state', 'not in', ['resolved', 'closed']);
  else if (state !== 'all') rows = rows.where('state', '=', state);
  if (priority !== undefined) rows = rows.where('priority', '=', priority);
  if (assignee === 'nobody') rows = rows.where('assignee', 'is', null);
  else if (assignee !== undefined) rows = rows.where('assignee', '=', assignee);
  if (overdue === true) rows = rows.where('due_at_ms', '<=', nowMs).where('state', 'not in', ['resolved', 'closed']);
  if (overdue === false)
    rows = rows.where((where) =>
      where.or([where('due_at_ms', '>', nowMs), where('state', 'in', ['resolved', 'closed'])]),
    );
  if (kind !== undefined && id !== undefined)
    rows = rows.where('ticket_id', 'in', (where) =>
      where
        .selectFrom('ticket_links')
        .select('ticket_id')
        .where('kind', '=', kind)
        .where('id', '=', keptLinkId(kind, id)),
    );
  const after = cursor === undefined ? null : decodeCursor(cursor, uuidSchema);
  if (after !== null)
    rows = rows.where((where) =>
      where(where.refTuple('updated_at_ms', 'ticket_id'), '<', where.tuple(after.atMs, after.id)),
    );
  return rows
    .orderBy('updated_at_ms', 'desc')
    .orderBy('ticket_id', 'desc')
    .limit(limit + 1)
    .execute();
}
