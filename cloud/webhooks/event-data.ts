import { z } from 'zod';
import { operationSchema } from '../operations/schemas.ts';
import { orderSchema } from '../orders/schemas.ts';
import { accountSchema } from '../partners/credit/schemas.ts';
import { reservationSchema } from '../reservations/schemas.ts';
import { hoursViewSchema, maintenanceWindowSchema } from '../stations/hours/schemas.ts';
import { statusChangeSchema } from '../streaming/messages.ts';
import { type EventType, eventTypes, ruleOfEvent } from './event-types.ts';

/** What `data` of each event is. Fields are added, never taken away. */
export const eventDataSchemas = {
  'charge.started': orderSchema,
  'charge.start_failed': orderSchema,
  'charge.stop_failed': orderSchema.extend({ operation: operationSchema }),
  'charge.ended': orderSchema,
  'charge.settled': orderSchema,
  'occupancy.ended': orderSchema,
  'station.hours_changed': z.object({ site_id: z.string(), opening_hours: hoursViewSchema }),
  'station.maintenance_planned': maintenanceWindowSchema,
  'station.maintenance_changed': maintenanceWindowSchema,
  'station.maintenance_cancelled': maintenanceWindowSchema,
  'credit.low': accountSchema.extend({ mark_minor: z.int().describe('below which it has fallen') }),
  'connector.status_changed': statusChangeSchema,
  'reservation.active': reservationSchema,
  'reservation.ended': reservationSchema,
  'webhook.test': z.object({ endpoint_id: z.string() }),
  'webhook.endpoint_disabled': z.object({
    endpoint_id: z.string(),
    url: z.string(),
    reason: z.string(),
    disabled_at: z.iso.datetime(),
  }),
} as const satisfies Record<EventType, z.ZodType>;

/** `charge.start_failed` is `ChargeStartFailedEvent`. */
const nameOf = (type: EventType): string =>
  `${type
    .split(/[._]/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('')}Event`;

const bodyOf = (type: EventType) =>
  z
    .object({
      type: z.literal(type),
      timestamp: z.iso.datetime().describe('when it happened'),
      data: eventDataSchemas[type],
    })
    .meta({ id: nameOf(type) });

/** The whole body of each webhook; each is a schema of the API's document by its own name. */
export const eventBodySchemas: ReadonlyMap<string, ReturnType<typeof bodyOf>> = new Map(
  eventTypes.map((type) => [type, bodyOf(type)]),
);

const header = (name: string, description: string) => ({
  name,
  in: 'header' as const,
  required: true,
  description,
  schema: { type: 'string' as const },
});

const describeWebhook = (type: EventType) => ({
  post: {
    tags: ['webhooks'],
    operationId: type,
    summary: ruleOfEvent(type).description,
    ...(ruleOfEvent(type).onlyByName === true && { description: 'Only to endpoints that ask for it by name.' }),
    parameters: [
      header('webhook-id', 'the same in every attempt: keep it, and take each once'),
      header('webhook-timestamp', 'time of sending, Unix seconds: refuse what is more than 300 s off your clock'),
      header(
        'webhook-signature',
        '`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`; two of them, divided by a space, while the secret is rotated',
      ),
    ],
    requestBody: {
      required: true,
      content: { 'application/json': { schema: { $ref: `#/components/schemas/${nameOf(type)}` } } },
    },
    responses: {
      '2XX': { description: 'taken; within 15 s, to the last byte' },
      '410': { description: 'the endpoint is disabled, and nothing more is sent there' },
      default: { description: 'tried again by the plan' },
    },
  },
});

/** The `webhooks` of an OpenAPI 3.1 document: one entry for each type of event. */
export const describedWebhooks = () => Object.fromEntries(eventTypes.map((type) => [type, describeWebhook(type)]));
