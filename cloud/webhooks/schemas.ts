import { z } from 'zod';
import { givenUuidSchema, requestIdSchema, uuidSchema } from '#shared/ids.ts';
import { eventTypes } from './event-types.ts';
import { deliveryStatuses } from './tables.ts';

const MAX_URL = 500;
const MAX_DESCRIPTION = 200;
const MAX_OVERLAP_S = 604_800;
const timeSchema = z.iso.datetime();
const givenTimeSchema = z.iso.datetime({ offset: true });

export const endpointIdSchema = z.string().regex(/^we_[0-9a-f]{32}$/, 'an endpoint id');
const deliveryIdSchema = z.string().regex(/^wd_[1-9][0-9]{0,15}$/, 'a delivery id');
const eventIdSchema = z.string().regex(/^msg_[0-9a-f]{32}$/, 'an event id');

export const deliveryIdOf = (deliveryId: number): string => `wd_${deliveryId}`;
export const numberOfDelivery = (deliveryId: string): number => Number(deliveryId.slice('wd_'.length));

export const endpointParams = z.object({ endpoint_id: endpointIdSchema });
export const deliveryParams = z.object({ delivery_id: deliveryIdSchema });

const urlSchema = z.string().max(MAX_URL).describe('public https address');
const typesSchema = z.array(z.enum(eventTypes)).min(1).max(eventTypes.length);
const descriptionSchema = z.string().min(1).max(MAX_DESCRIPTION);

const onceSchema = requestIdSchema
  .optional()
  .describe('the same once more is answered as the first time, for 24 h; left out: a repetition is a new request');

export const newEndpointSchema = z
  .strictObject({
    request_id: onceSchema,
    url: urlSchema,
    event_types: typesSchema.optional().describe('left out: every type that need not be asked for by name'),
    description: descriptionSchema.optional().describe('for yourself'),
  })
  .meta({
    examples: [
      { request_id: 'hooks-1', url: 'https://partner.example/hooks', event_types: ['charge.started', 'charge.ended'] },
    ],
  });

export const endpointChangeSchema = z.strictObject({
  url: urlSchema.optional(),
  event_types: typesSchema.nullable().optional().describe('null: every type that need not be asked for by name'),
  description: descriptionSchema.nullable().optional(),
});

export const testSchema = z.strictObject({ request_id: onceSchema }).nullish();

export const rotationSchema = z.strictObject({
  request_id: onceSchema,
  overlap_s: z
    .int()
    .min(0)
    .max(MAX_OVERLAP_S)
    .default(86_400)
    .describe('for so long the former secret signs as well; 0 when it may be known to others'),
});

export const endpointSchema = z
  .object({
    endpoint_id: z.string(),
    url: z.string(),
    description: z.string().nullable(),
    event_types: z.array(z.string()).nullable(),
    status: z.enum(['enabled', 'paused', 'disabled']),
    created_at: timeSchema,
    failing_since: timeSchema.nullable().describe('nothing has come through since; null: the last attempt did'),
    paused_at: timeSchema.nullable(),
    disabled_at: timeSchema.nullable(),
    disabled_reason: z.string().nullable(),
    former_secret_until: timeSchema.nullable().describe('until then the former secret signs as well'),
  })
  .meta({ id: 'WebhookEndpoint' });

export const createdEndpointSchema = endpointSchema
  .extend({ secret: z.string().describe('shown in this answer only, and in its repetitions; Standard Webhooks 1.0') })
  .meta({ id: 'CreatedWebhookEndpoint' });

export const eventTypeSchema = z
  .object({
    type: z.string(),
    description: z.string(),
    only_by_name: z.boolean().describe('an endpoint without a list of types does not get it'),
  })
  .meta({ id: 'WebhookEventType' });

export const deliverySchema = z
  .object({
    delivery_id: z.string(),
    event_id: z.string().describe('the `webhook-id` header'),
    event_type: z.string(),
    endpoint_id: z.string(),
    order_id: uuidSchema.nullable(),
    status: z.enum(deliveryStatuses),
    attempts: z.int(),
    next_attempt_at: timeSchema.nullable().describe('not before; the earlier of its order come first'),
    last_http_status: z.int().nullable(),
    last_error: z.string().nullable(),
    replay_id: z.string().nullable().describe('the replay that asked for it; null: it is the first'),
    created_at: timeSchema,
    finished_at: timeSchema.nullable(),
  })
  .meta({ id: 'WebhookDelivery' });

export const deliveryDetailSchema = deliverySchema
  .extend({
    tries: z
      .array(
        z.object({
          at: timeSchema,
          duration_ms: z.number(),
          http_status: z.int().nullable(),
          error: z.string().nullable(),
        }),
      )
      .describe('the last 20, oldest first'),
    body: z.string().describe('the bytes that are signed and sent'),
  })
  .meta({ id: 'WebhookDeliveryDetail' });

export const deliveryPageSchema = z.object({
  deliveries: z.array(deliverySchema),
  next_cursor: z.string().nullable().describe('null: there is nothing older'),
});

export const deliveryQuerySchema = z.strictObject({
  endpoint_id: endpointIdSchema.optional(),
  order_id: givenUuidSchema.optional(),
  event_id: eventIdSchema.optional(),
  event_type: z.enum(eventTypes).optional(),
  status: z.enum(deliveryStatuses).optional(),
  created_from: givenTimeSchema.optional().describe('inclusive'),
  created_to: givenTimeSchema.optional().describe('exclusive'),
  cursor: deliveryIdSchema.optional().describe('`next_cursor` of the page before'),
  limit: z.coerce.number().int().min(1).max(200).default(100),
});
export type DeliveryQuery = z.infer<typeof deliveryQuerySchema>;

const replayFields = {
  request_id: requestIdSchema,
  event_id: eventIdSchema.optional().describe('one event; or else a range of time'),
  endpoint_id: endpointIdSchema.optional().describe('of one event, left out: every endpoint that wants it'),
  created_from: givenTimeSchema.optional().describe('inclusive; when the events happened'),
  created_to: givenTimeSchema.optional().describe('exclusive'),
  which: z
    .enum(['undelivered', 'all'])
    .default('undelivered')
    .describe('of a range; undelivered: failed, cancelled, or never sent, as the endpoint was disabled'),
};

const isOneOrRange = (body: { [Key in keyof typeof replayFields]?: unknown }): boolean =>
  body.event_id === undefined
    ? body.endpoint_id !== undefined && body.created_from !== undefined && body.created_to !== undefined
    : body.created_from === undefined && body.created_to === undefined;
const ONE_OR_RANGE = 'either event_id, or endpoint_id with created_from and created_to';

export const replaySchema = z.strictObject(replayFields).refine(isOneOrRange, ONE_OR_RANGE);
export type ReplayWish = z.infer<typeof replaySchema>;

export const staffReplaySchema = z
  .strictObject({ environment: z.enum(['sandbox', 'live']), ...replayFields })
  .refine(isOneOrRange, ONE_OR_RANGE);

export const replayedSchema = z
  .object({
    replay_id: z.string(),
    deliveries: z.int().describe('so many are sent once more; what is still pending is not among them'),
    next_from: timeSchema
      .nullable()
      .describe('there was more than one replay takes: go on with another from here; null: that was all'),
  })
  .meta({ id: 'WebhookReplay' });
export type Replayed = z.infer<typeof replayedSchema>;
