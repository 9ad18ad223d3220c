import { z } from 'zod';
import type { CommandRow, OperationRow, OrderRow } from '../db/schema.ts';
import type { TraceRows } from './rows.ts';

/** Where a step of a story is known from. */
export const traceSources = ['partner', 'cloud', 'broker', 'site', 'webhook'] as const;

export interface TraceStep {
  readonly atMs: number;
  readonly source: (typeof traceSources)[number];
  readonly what: string;
  /** Whose step it is, where that is one request. */
  readonly requestId: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface TraceStory {
  readonly steps: readonly TraceStep[];
  /** What a whole story has and this one has not, or not yet. */
  readonly missing: readonly string[];
}

/** Of the document of a CDR, what a story tells. */
const cdrSchema = z.object({ energyWh: z.number(), stopReason: z.string(), rating: z.unknown().optional() });

/** Tells in order of time what the cloud knows. Steps of the same millisecond keep the order in which one leads to the next. */
export function storyOf(rows: TraceRows): TraceStory {
  const requestOf = new Map(rows.operations.map((row) => [row.operation_id, row.request_id]));
  const steps = [
    ...rows.operations.flatMap(called),
    ...(rows.order === null ? [] : ordered(rows.order)),
    ...rows.commands.flatMap((row) => commanded(row, requestOf.get(row.operation_id ?? '') ?? null)),
    ...rows.cdrs.map(({ cdr_id, document, received_at_ms }) => {
      const told = cdrSchema.safeParse(JSON.parse(document));
      const detail = told.success ? { energy_wh: told.data.energyWh, stop_reason: told.data.stopReason } : {};
      return step(received_at_ms, 'site', 'record session.ended is taken', null, { cdr_id, ...detail });
    }),
    ...rows.occupancies.map(({ occupancy_id, received_at_ms }) =>
      step(received_at_ms, 'site', 'record occupancy.ended is taken', null, { occupancy_id }),
    ),
    ...rows.alarms.map(({ received_at_ms, code, severity, detail }) =>
      step(received_at_ms, 'site', 'record alarm.raised is taken', null, { code, severity, detail }),
    ),
    ...rows.exceptions.map(({ created_at_ms, code, detail }) =>
      step(created_at_ms, 'cloud', 'the bill is in doubt', null, { code, detail }),
    ),
    ...rows.operations.flatMap(ended),
    ...rows.events.map(({ created_at_ms, event_id, type }) =>
      step(created_at_ms, 'cloud', `event ${type}`, null, { event_id }),
    ),
    ...rows.deliveries.flatMap(delivered),
    ...liveStep(rows),
  ];
  return { steps: steps.sort((a, b) => a.atMs - b.atMs), missing: missingOf(rows) };
}

const step = (
  atMs: number,
  source: TraceStep['source'],
  what: string,
  requestId: string | null,
  detail: TraceStep['detail'],
): TraceStep => ({ atMs, source, what, requestId, detail });

function called(row: OperationRow): TraceStep[] {
  const { created_at_ms: atMs, kind, request_id: requestId, key_id, caller_address: address } = row;
  const names = { correlation_id: row.correlation_id, trace_id: row.trace_id };
  return [
    step(atMs, 'partner', `call ${kind}`, requestId, { key_id, address, ...names, answer: 202 }),
    step(atMs, 'cloud', `operation ${kind} is accepted`, requestId, { operation_id: row.operation_id }),
  ];
}

function ended(row: OperationRow): TraceStep[] {
  const { finished_at_ms: atMs, kind, status, code, detail, request_id: requestId } = row;
  if (atMs === null) return [];
  const why = code === null ? {} : { code, detail };
  return [step(atMs, 'cloud', `operation ${kind} ${status}`, requestId, { operation_id: row.operation_id, ...why })];
}

function ordered(order: OrderRow): TraceStep[] {
  const { created_at_ms, started_at_ms, ended_at_ms, order_id, request_id: requestId } = order;
  const { session_id, meter_start_wh, meter_end_wh, energy_wh, stop_reason, failure_code } = order;
  const begun = started_at_ms === null ? [] : [{ atMs: started_at_ms, session_id, meter_start_wh }];
  return [
    step(created_at_ms, 'cloud', 'order is made', requestId, { order_id, connector_id: order.connector_id }),
    ...begun.map(({ atMs, ...detail }) =>
      step(atMs, 'cloud', 'charge begins, as the site has told', requestId, detail),
    ),
    ...(ended_at_ms === null
      ? []
      : [
          step(ended_at_ms, 'cloud', `order is ${order.state}`, requestId, {
            meter_end_wh,
            energy_wh,
            stop_reason,
            failure_code,
          }),
        ]),
  ];
}

function commanded(row: CommandRow, requestId: string | null): TraceStep[] {
  const { command_id, kind, status, sent_count: sent, expires_at_ms } = row;
  const at = (atMs: number | null, source: TraceStep['source'], what: string, detail: TraceStep['detail']) =>
    atMs === null ? [] : [step(atMs, source, what, requestId, { command_id, ...detail })];
  return [
    ...at(row.created_at_ms, 'cloud', `command ${kind} is written`, { expires_at_ms }),
    ...at(row.first_sent_at_ms, 'broker', `command ${kind} is published`, { sent }),
    ...at(row.received_at_ms, 'site', `command ${kind} is in the site's inbox, as it reports`, {}),
    ...at(row.cancelled_at_ms, 'cloud', `command ${kind} is cancelled`, {}),
    ...at(row.ended_at_ms, 'site', `command ${kind} is ${status}, as the site reports`, {}),
  ];
}

function delivered(row: TraceRows['deliveries'][number]): TraceStep[] {
  const { event_id, type, endpoint_id, status, attempts, last_http_status, last_error } = row;
  const detail = { event_id, endpoint_id, host: new URL(row.url).host, attempts, last_http_status, last_error };
  if (row.finished_at_ms !== null) return [step(row.finished_at_ms, 'webhook', `${type} is ${status}`, null, detail)];
  return [
    step(row.created_at_ms, 'webhook', `${type} waits`, null, {
      ...detail,
      next_attempt_at_ms: row.next_attempt_at_ms,
    }),
  ];
}

/** The live view is of now: it belongs to a charge only while that runs. */
function liveStep({ live, order }: TraceRows): TraceStep[] {
  if (live === null || order === null || live.session_id === null || live.session_id !== order.session_id) return [];
  const { received_at_ms, status, energy_wh, power_w, current_ma } = live;
  return [step(received_at_ms, 'site', 'live state', null, { status, energy_wh, power_w, current_ma })];
}

function missingOf({ operations, commands, order, cdrs, events, deliveries }: TraceRows): string[] {
  const isOver = order !== null && ['completed', 'void', 'abnormal'].includes(order.state);
  const commandOf = (operationId: string) => commands.find((row) => row.operation_id === operationId);
  const ofOperations = operations.flatMap(({ operation_id, kind, status }) => {
    const command = commandOf(operation_id);
    const open = status === 'accepted' ? [`operation ${kind} has no outcome yet`] : [];
    if (command === undefined) return kind === 'start' ? [...open, `no command for operation ${kind}`] : open;
    const unsent = command.first_sent_at_ms === null ? [`command ${kind} has not been published`] : [];
    const silent = command.status === 'open' ? [`the site has not reported on command ${kind}`] : [];
    return [...open, ...unsent, ...silent];
  });
  return [
    ...ofOperations,
    ...(isOver && cdrs.length === 0 ? ['no charge record'] : []),
    ...(events.length === 0 ? ['no event for the partner yet'] : []),
    ...(events.length > 0 && deliveries.length === 0 ? ['no endpoint of the partner wants the events'] : []),
    ...deliveries.flatMap(({ type, status }) => (status === 'delivered' ? [] : [`${type} is ${status}`])),
  ];
}
