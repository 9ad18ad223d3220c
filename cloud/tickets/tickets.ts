import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { roleMay } from '../staff/roles.ts';
import { afterMove, isOver, movesOf, type TicketMove } from './machine.ts';
import { allowedMs, type TicketPriority } from './policy.ts';
import type { LinkKind, TicketEventKind, TicketRow } from './tables.ts';

type TicketContext = Pick<CloudContext, 'db' | 'clock'>;

export interface TicketLink {
  readonly kind: LinkKind;
  readonly id: string;
}

export interface NewTicket {
  /** Of the ticket that is made, should there be none to add to. */
  readonly ticketId: string;
  readonly title: string;
  readonly priority: TicketPriority;
  readonly openedBy: string;
  readonly comment: string | null;
  readonly links: readonly TicketLink[];
  /** What a rule finds again is added to the ticket that it has opened; null: a person opens it. */
  readonly policyKey: string | null;
}

/**
 * Opens a ticket, or adds to the one that the same rule has opened and nobody has resolved. In the caller's transaction.
 *
 * @returns the id of the ticket that there is then
 */
export async function openTicket(trx: Trx, nowMs: number, ticket: NewTicket): Promise<string> {
  const { title, priority, openedBy: by, comment, links, policyKey } = ticket;
  for (;;) {
    const made = await trx
      .insertInto('tickets')
      .values({
        ticket_id: ticket.ticketId,
        title,
        state: 'open',
        priority,
        opened_by: by,
        opened_at_ms: nowMs,
        updated_at_ms: nowMs,
        due_at_ms: nowMs + allowedMs[priority],
        policy_key: policyKey,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('ticket_id')
      .executeTakeFirst();
    const found = made ?? (await openByPolicy(trx, policyKey));
    // Resolved in between: the next one is new.
    if (found === undefined) continue;
    const ticketId = found.ticket_id;
    if (made !== undefined) await note(trx, { ticketId, by, kind: 'opened', detail: { title, comment }, nowMs });
    await addLinks(trx, { ticketId, by, links, nowMs, isNew: made !== undefined });
    return ticketId;
  }
}

const openByPolicy = (trx: Trx, policyKey: string | null): Promise<{ ticket_id: string } | undefined> =>
  trx.selectFrom('tickets').select('ticket_id').where('policy_key', '=', policyKey).forUpdate().executeTakeFirst();

interface Linking {
  readonly ticketId: string;
  readonly by: string;
  readonly links: readonly TicketLink[];
  readonly nowMs: number;
  readonly isNew: boolean;
}

async function addLinks(trx: Trx, { ticketId, by, links, nowMs, isNew }: Linking): Promise<void> {
  if (links.length === 0) return;
  const added = await trx
    .insertInto('ticket_links')
    .values(links.map((link) => ({ ...link, ticket_id: ticketId, linked_at_ms: nowMs })))
    .onConflict((conflict) => conflict.doNothing())
    .returning(['kind', 'id'])
    .execute();
  if (isNew || added.length === 0) return;
  await touch(trx, ticketId, { updated_at_ms: nowMs });
  await note(trx, { ticketId, by, kind: 'linked', detail: { links: added }, nowMs });
}

interface Note {
  readonly ticketId: string;
  readonly by: string;
  readonly kind: TicketEventKind;
  readonly detail: object;
  readonly nowMs: number;
}

/** Adds to the history of a ticket. */
export const note = (trx: Trx, { ticketId, by, kind, detail, nowMs }: Note): Promise<unknown> =>
  trx
    .insertInto('ticket_events')
    .values({ ticket_id: ticketId, at_ms: nowMs, by, kind, detail: JSON.stringify(detail) })
    .execute();

const touch = (trx: Trx, ticketId: string, change: Partial<TicketRow>): Promise<TicketRow> =>
  trx.updateTable('tickets').set(change).where('ticket_id', '=', ticketId).returningAll().executeTakeFirstOrThrow();

/** @throws PilegateError `ticket.unknown` */
async function lockTicket(trx: Trx, ticketId: string): Promise<TicketRow> {
  const row = await trx
    .selectFrom('tickets')
    .selectAll()
    .where('ticket_id', '=', ticketId)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new PilegateError('ticket.unknown', `no ticket ${ticketId}`);
  return row;
}

/**
 * Takes a ticket from one state to the next. With its resolution the exceptions of orders that are in it are resolved as well, and what could not be taken
 * and never can be is settled; opened again, it has its whole time once more, and they wait again.
 *
 * @throws PilegateError `ticket.unknown`, `ticket.state`
 */
export const moveTicket = (
  { db, clock }: TicketContext,
  ticketId: string,
  { move, comment, by }: { readonly move: TicketMove; readonly comment: string; readonly by: string },
): Promise<TicketRow> =>
  transaction(db, async (trx) => {
    const ticket = await lockTicket(trx, ticketId);
    const state = afterMove(ticket.state, move);
    if (state === null)
      throw new PilegateError('ticket.state', `it is ${ticket.state}: ${movesOf(ticket.state).join(', ')}`);
    const nowMs = clock.wallMs();
    const renewed = { due_at_ms: nowMs + allowedMs[ticket.priority], overdue_told_at_ms: null };
    if (move === 'resolve') {
      await resolveExceptions(trx, ticketId, nowMs);
      await settleLetters(trx, ticketId, { settled_at_ms: nowMs, settled_by: by });
    }
    if (move === 'reopen') {
      await reopenExceptions(trx, ticketId);
      await settleLetters(trx, ticketId, { settled_at_ms: null, settled_by: null });
    }
    await note(trx, { ticketId, by, kind: 'moved', detail: { from: ticket.state, to: state, comment }, nowMs });
    return await touch(trx, ticketId, {
      state,
      updated_at_ms: nowMs,
      ...(isOver(state) ? { policy_key: null } : {}),
      ...(move === 'resolve' ? { resolution: comment } : {}),
      ...(move === 'reopen' ? renewed : {}),
    });
  });

const resolveExceptions = (trx: Trx, ticketId: string, nowMs: number): Promise<unknown> =>
  trx
    .updateTable('exceptions')
    .set({ resolved_at_ms: nowMs })
    .where('ticket_id', '=', ticketId)
    .where('resolved_at_ms', 'is', null)
    .execute();

const reopenExceptions = (trx: Trx, ticketId: string): Promise<unknown> =>
  trx.updateTable('exceptions').set({ resolved_at_ms: null }).where('ticket_id', '=', ticketId).execute();

/** A record that may be applied after all waits for that, whatever becomes of the ticket. */
const settleLetters = (
  trx: Trx,
  ticketId: string,
  settled: { readonly settled_at_ms: number | null; readonly settled_by: string | null },
): Promise<unknown> =>
  trx
    .updateTable('dead_letters')
    .set(settled)
    .where('ticket_id', '=', ticketId)
    .where((where) => where.or([where('source', '<>', 'record'), where('code', '=', 'wire.conflict')]))
    .execute();

export interface TicketChange {
  readonly title?: string | undefined;
  readonly priority?: TicketPriority | undefined;
  /** Null: nobody's. */
  readonly assignee?: string | null | undefined;
  readonly dueAtMs?: number | undefined;
}

/**
 * Changes what a ticket says. A new due time is told anew when it is over; a new priority leaves the due time as it is.
 *
 * @throws PilegateError `ticket.unknown`, `staff.unknown` for somebody who is not there or may not handle tickets
 */
export const changeTicket = (
  { db, clock }: TicketContext,
  ticketId: string,
  { change, comment, by }: { readonly change: TicketChange; readonly comment: string | null; readonly by: string },
): Promise<TicketRow> =>
  transaction(db, async (trx) => {
    await lockTicket(trx, ticketId);
    const { title, priority, assignee, dueAtMs } = change;
    if (typeof assignee === 'string') await needHandler(trx, assignee);
    const nowMs = clock.wallMs();
    await note(trx, { ticketId, by, kind: 'changed', detail: { ...change, comment }, nowMs });
    return await touch(trx, ticketId, {
      updated_at_ms: nowMs,
      ...(title === undefined ? {} : { title }),
      ...(priority === undefined ? {} : { priority }),
      ...(assignee === undefined ? {} : { assignee }),
      ...(dueAtMs === undefined ? {} : { due_at_ms: dueAtMs, overdue_told_at_ms: null }),
    });
  });

async function needHandler(trx: Trx, staffId: string): Promise<void> {
  const account = await trx
    .selectFrom('staff_accounts')
    .select('role')
    .where('staff_id', '=', staffId)
    .where('state', '=', 'active')
    .executeTakeFirst();
  if (account === undefined || !roleMay(account.role, 'tickets.handle'))
    throw new PilegateError('staff.unknown', `${staffId} is nobody who handles tickets`);
}

/** @throws PilegateError `ticket.unknown` */
export const commentTicket = (
  { db, clock }: TicketContext,
  ticketId: string,
  { comment, by }: { readonly comment: string; readonly by: string },
): Promise<TicketRow> =>
  transaction(db, async (trx) => {
    await lockTicket(trx, ticketId);
    const nowMs = clock.wallMs();
    await note(trx, { ticketId, by, kind: 'commented', detail: { comment }, nowMs });
    return await touch(trx, ticketId, { updated_at_ms: nowMs });
  });

/** @throws PilegateError `ticket.unknown` */
export const linkTicket = (
  { db, clock }: TicketContext,
  ticketId: string,
  { links, by }: { readonly links: readonly TicketLink[]; readonly by: string },
): Promise<TicketRow> =>
  transaction(db, async (trx) => {
    await lockTicket(trx, ticketId);
    await addLinks(trx, { ticketId, by, links, nowMs: clock.wallMs(), isNew: false });
    return await lockTicket(trx, ticketId);
  });
