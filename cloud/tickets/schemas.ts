import { z } from 'zod';
import { givenUuidSchema } from '#shared/ids.ts';
import { pageQuerySchema } from '../http/cursor.ts';
import { staffIdSchema } from '../staff/schemas.ts';
import { ticketMoves, ticketStates } from './machine.ts';
import { ticketPriorities } from './policy.ts';
import { eventKinds, type LinkKind, linkKinds } from './tables.ts';

const titleSchema = z.string().min(1).max(200);
export const commentSchema = z.string().min(1).max(4_000);

const namedByUuid: ReadonlySet<LinkKind> = new Set(['alert', 'alarm', 'order']);
/** The id of what is linked, as it is kept: a UUID may be written in either case, a name may not. */
export const keptLinkId = (kind: LinkKind, id: string): string => (namedByUuid.has(kind) ? id.toLowerCase() : id);

export const linkSchema = z
  .strictObject({ kind: z.enum(linkKinds), id: z.string().min(1).max(100) })
  .overwrite(({ kind, id }) => ({ kind, id: keptLinkId(kind, id) }));
export const linksSchema = z.array(linkSchema).min(1).max(20);

export const newTicketSchema = z.strictObject({
  title: titleSchema.optional().describe('needed without an alert'),
  priority: z.enum(ticketPriorities).optional().describe('left out: as the level of the alert says, or normal'),
  comment: commentSchema.optional(),
  alert_id: givenUuidSchema.optional().describe('opens the ticket from an alert, and links them'),
  links: linksSchema.optional(),
});

export const moveSchema = z.strictObject({
  move: z.enum(ticketMoves),
  comment: commentSchema.describe('of `resolve`: the resolution'),
});

export const changeSchema = z
  .strictObject({
    title: titleSchema.optional(),
    priority: z.enum(ticketPriorities).optional(),
    assignee: staffIdSchema.nullable().optional().describe('null: nobody'),
    due_at: z.iso.datetime({ offset: true }).optional(),
    comment: commentSchema.optional(),
  })
  .refine(({ comment: _comment, ...change }) => Object.keys(change).length > 0, 'nothing is changed');

export const ticketSchema = z
  .object({
    ticket_id: z.string(),
    number: z.int(),
    title: z.string(),
    state: z.enum(ticketStates),
    priority: z.enum(ticketPriorities),
    assignee: z.string().nullable(),
    opened_by: z.string().describe('platform: by a rule'),
    opened_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    due_at: z.iso.datetime(),
    overdue: z.boolean(),
    resolution: z.string().nullable(),
  })
  .meta({ id: 'Ticket' });

export const wholeTicketSchema = ticketSchema
  .extend({
    moves: z.array(z.string()).describe('what its state allows'),
    links: z.array(z.object({ kind: z.enum(linkKinds), id: z.string() })),
    history: z.array(
      z.object({
        at: z.iso.datetime(),
        by: z.string(),
        kind: z.enum(eventKinds),
        detail: z.record(z.string(), z.unknown()),
      }),
    ),
  })
  .meta({ id: 'WholeTicket' });

export const ticketQuerySchema = pageQuerySchema
  .extend({
    state: z
      .enum([...ticketStates, 'unresolved', 'all'])
      .default('unresolved')
      .describe('unresolved: somebody has to do something'),
    priority: z.enum(ticketPriorities).optional(),
    assignee: z.union([staffIdSchema, z.literal('nobody')]).optional(),
    overdue: z.stringbool().optional(),
    link_kind: z.enum(linkKinds).optional(),
    link_id: z.string().max(100).optional(),
  })
  .refine((query) => (query.link_kind === undefined) === (query.link_id === undefined), 'a link has a kind and an id');
export type TicketQuery = z.infer<typeof ticketQuerySchema>;
