import type { Generated, Selectable } from 'kysely';
import type { TicketState } from './machine.ts';
import type { TicketPriority } from './policy.ts';

export interface TicketsTable {
  ticket_id: string;
  number: Generated<number>;
  title: string;
  state: TicketState;
  priority: TicketPriority;
  assignee: string | null;
  opened_by: string;
  opened_at_ms: number;
  updated_at_ms: number;
  due_at_ms: number;
  overdue_told_at_ms: number | null;
  resolution: string | null;
  policy_key: string | null;
}
export type TicketRow = Selectable<TicketsTable>;

export const linkKinds = [
  'alert',
  'alarm',
  'order',
  'site',
  'connector',
  'partner',
  'exception',
  'dead-letter',
] as const;
export type LinkKind = (typeof linkKinds)[number];

export interface TicketLinksTable {
  ticket_id: string;
  kind: LinkKind;
  id: string;
  linked_at_ms: number;
}

export const eventKinds = ['opened', 'moved', 'changed', 'commented', 'linked', 'overdue'] as const;
export type TicketEventKind = (typeof eventKinds)[number];

export interface TicketEventsTable {
  event_id: Generated<number>;
  ticket_id: string;
  at_ms: number;
  by: string;
  kind: TicketEventKind;
  detail: string;
}
