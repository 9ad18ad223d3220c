import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { givenUuidSchema } from '#shared/ids.ts';
import { wordsFor } from '../alerts/facts.ts';
import type { CloudContext } from '../context.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { encodeCursor } from '../http/cursor.ts';
import { problems } from '../http/problem.ts';
import { storable } from '../ingest/storable.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { personSchema } from '../staff/schemas.ts';
import { priorityOf } from './policy.ts';
import {
  changeSchema,
  commentSchema,
  linksSchema,
  moveSchema,
  newTicketSchema,
  ticketQuerySchema,
  ticketSchema,
  wholeTicketSchema,
} from './schemas.ts';
import type { TicketRow } from './tables.ts';
import { changeTicket, commentTicket, linkTicket, moveTicket, type NewTicket, openTicket } from './tickets.ts';
import { listTickets, ticketView, wholeTicketView } from './view.ts';

const BASE = '/staff/v1/tickets';
const params = z.object({ ticket_id: givenUuidSchema });
const who = { requested_by: personSchema.optional() };

/** What needs a person, until it is done. */
export function ticketRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const { db, clock } = context;
  const show = async (row: TicketRow) => wholeTicketView(db, row, clock.wallMs());
  const find = async (ticketId: string): Promise<TicketRow> => {
    const row = await db.selectFrom('tickets').selectAll().where('ticket_id', '=', ticketId).executeTakeFirst();
    if (row === undefined) throw new PilegateError('ticket.unknown', `no ticket ${ticketId}`);
    return row;
  };
  const response = { 200: wholeTicketSchema, ...problems(...staffProblems, 'ticket.unknown') };
  return (app, _options, done) => {
    app.get(BASE, {
      ...staff.reads('attention.read'),
      schema: {
        tags: staffTags,
        summary: 'Tickets, the last change first',
        querystring: ticketQuerySchema,
        response: {
          200: z.object({ tickets: z.array(ticketSchema), next_cursor: z.string().nullable() }),
          ...problems(...staffProblems),
        },
      },
      handler: async (request) => {
        const { limit } = request.query;
        const nowMs = clock.wallMs();
        const rows = await listTickets(db, request.query, nowMs);
        const page = rows.slice(0, limit);
        const last = page.at(-1);
        const more = rows.length > limit && last !== undefined;
        return {
          tickets: page.map((row) => ticketView(row, nowMs)),
          next_cursor: more ? encodeCursor({ atMs: last.updated_at_ms, id: last.ticket_id }) : null,
        };
      },
    });

    app.get(`${BASE}/:ticket_id`, {
      ...staff.reads('attention.read'),
      schema: { tags: staffTags, summary: 'One ticket, with everything that was done with it', params, response },
      handler: async (request) => show(await find(request.params.ticket_id)),
    });

    app.post(BASE, {
      ...staff.does('ticket.open'),
      schema: {
        tags: staffTags,
        summary: 'Open a ticket, by hand or from an alert',
        body: newTicketSchema.extend(who),
        response: { 201: wholeTicketSchema, ...problems(...staffProblems, 'alert.unknown') },
      },
      handler: async (request, reply) => {
        const by = staff.personOf(request, request.body.requested_by);
        const ticketId = context.random.uuid();
        const subject = { kind: 'ticket', id: ticketId };
        await transaction(staff.recording(request, subject, { title: request.body.title ?? null }), async (trx) => {
          const ticket = await wished(trx, request.body, by);
          await openTicket(trx, clock.wallMs(), { ...ticket, ticketId });
        });
        return reply.status(201).send(await show(await find(ticketId)));
      },
    });

    app.post(`${BASE}/:ticket_id/move`, {
      ...staff.does('ticket.move'),
      schema: {
        tags: staffTags,
        summary: 'Begin, wait, resolve, close or reopen a ticket',
        params,
        body: moveSchema.extend(who),
        response: { ...response, ...problems(...staffProblems, 'ticket.unknown', 'ticket.state') },
      },
      handler: async (request) => {
        const { ticket_id: id } = request.params;
        const { move, comment, requested_by: given } = request.body;
        const by = staff.personOf(request, given);
        const recorded = staff.recording(request, { kind: 'ticket', id }, { move });
        return show(await moveTicket({ ...context, db: recorded }, id, { move, comment, by }));
      },
    });

    app.post(`${BASE}/:ticket_id/change`, {
      ...staff.does('ticket.change'),
      schema: {
        tags: staffTags,
        summary: 'Say whose a ticket is, how urgent, until when',
        params,
        body: changeSchema.safeExtend(who),
        response: { ...response, ...problems(...staffProblems, 'ticket.unknown', 'staff.unknown') },
      },
      handler: async (request) => {
        const { ticket_id: id } = request.params;
        const { requested_by: given, comment = null, due_at: dueAt, ...rest } = request.body;
        const by = staff.personOf(request, given);
        const recorded = staff.recording(request, { kind: 'ticket', id }, { ...rest, due_at: dueAt ?? null });
        const change = { ...rest, dueAtMs: dueAt === undefined ? undefined : Date.parse(dueAt) };
        return show(await changeTicket({ ...context, db: recorded }, id, { change, comment, by }));
      },
    });

    app.post(`${BASE}/:ticket_id/comment`, {
      ...staff.does('ticket.comment'),
      schema: {
        tags: staffTags,
        summary: 'Add a comment',
        params,
        body: z.strictObject({ comment: commentSchema, ...who }),
        response,
      },
      handler: async (request) => {
        const { ticket_id: id } = request.params;
        const { comment, requested_by: given } = request.body;
        const by = staff.personOf(request, given);
        const recorded = staff.recording(request, { kind: 'ticket', id });
        return show(await commentTicket({ ...context, db: recorded }, id, { comment, by }));
      },
    });

    app.post(`${BASE}/:ticket_id/link`, {
      ...staff.does('ticket.link'),
      schema: {
        tags: staffTags,
        summary: 'Say what a ticket is about',
        params,
        body: z.strictObject({ links: linksSchema, ...who }),
        response,
      },
      handler: async (request) => {
        const { ticket_id: id } = request.params;
        const { links, requested_by: given } = request.body;
        const by = staff.personOf(request, given);
        const recorded = staff.recording(request, { kind: 'ticket', id }, { links });
        return show(await linkTicket({ ...context, db: recorded }, id, { links, by }));
      },
    });
    done();
  };
}

/** @throws PilegateError `alert.unknown`, `request.invalid` without a title where there is no alert */
async function wished(
  trx: Trx,
  wish: z.infer<typeof newTicketSchema>,
  by: string,
): Promise<Omit<NewTicket, 'ticketId'>> {
  const { title, priority, comment = null, alert_id: alertId, links = [] } = wish;
  const common = { comment, openedBy: by, policyKey: null };
  if (alertId === undefined) {
    if (title !== undefined) return { ...common, title, priority: priority ?? 'normal', links };
    const complaints = [{ path: 'title', reason: 'needed without an alert' }];
    throw new PilegateError('request.invalid', 'a ticket has a title', { complaints });
  }
  const alert = await trx.selectFrom('alerts').selectAll().where('alert_id', '=', alertId).executeTakeFirst();
  if (alert === undefined) throw new PilegateError('alert.unknown', `no alert ${alertId}`);
  return {
    ...common,
    title: title ?? storable(`${wordsFor(alert.code).en} ${alert.detail}`, 200),
    priority: priority ?? priorityOf[alert.level],
    links: [
      { kind: 'alert', id: alertId },
      ...links,
      ...(['site', 'connector', 'partner'] as const).flatMap((kind) => {
        const id = alert[`${kind}_id`];
        return id === null ? [] : [{ kind, id }];
      }),
    ],
  };
}
