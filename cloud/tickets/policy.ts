import type { AlertLevel } from '../alerts/levels.ts';

export const ticketPriorities = ['low', 'normal', 'high', 'urgent'] as const;
export type TicketPriority = (typeof ticketPriorities)[number];

const HOUR_MS = 3_600_000;
/** How long a ticket may take, from when it is opened or opened again. */
export const allowedMs: Readonly<Record<TicketPriority, number>> = {
  urgent: HOUR_MS,
  high: 4 * HOUR_MS,
  normal: 24 * HOUR_MS,
  low: 72 * HOUR_MS,
};

export const priorityOf: Readonly<Record<AlertLevel, TicketPriority>> = {
  info: 'low',
  warning: 'normal',
  critical: 'high',
  emergency: 'urgent',
};

/** Alerts of these codes are not over when somebody has seen them: somebody outside has to be called, or something repaired. */
const codesWithTicket: ReadonlySet<string> = new Set([
  'alert.channel_disabled',
  'claim-used-twice',
  'controller-cloned',
  'records-missing',
  'store-damaged',
  'webhook.delivery_failed',
  'webhook.endpoint_disabled',
]);

/** Whether an alert opens a ticket by itself. */
export const opensTicket = ({ code, level }: { readonly code: string; readonly level: AlertLevel }): boolean =>
  level === 'emergency' || codesWithTicket.has(code);
