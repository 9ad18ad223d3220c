import { z } from 'zod';
import { uuidSchema } from '#shared/ids.ts';
import { eventTypes } from './event-types.ts';

const MAX_URL = 500;

export const endpointIdSchema = z.string().regex(/^we_[0-9a-f]{32}$/, 'an endpoint id');

export const newEndpointSchema = z.strictObject({
  url: z.string().max(MAX_URL).describe('public https address'),
  event_types: z.array(z.enum(eventTypes)).min(1).optional().describe('left out: every type'),
});

export const endpointSchema = z
  .object({
    endpoint_id: z.string(),
    url: z.string(),
    event_types: z.array(z.enum(eventTypes)).nullable(),
    created_at: z.iso.datetime(),
    failing_since: z.iso.datetime().nullable(),
    disabled_at: z.iso.datetime().nullable(),
    disabled_reason: z.string().nullable(),
  })
  .meta({ id: 'WebhookEndpoint' });

export const createdEndpointSchema = endpointSchema
  .extend({ secret: z.string().describe('shown once; Standard Webhooks 1.0') })
  .meta({ id: 'CreatedWebhookEndpoint' });

export const deliverySchema = z
  .object({
    event_id: z.string().describe('the `webhook-id` header'),
    event_type: z.string(),
    endpoint_id: z.string(),
    order_id: uuidSchema.nullable(),
    status: z.enum(['pending', 'delivered', 'failed', 'cancelled']),
    attempts: z.int(),
    next_attempt_at: z.iso.datetime().nullable(),
    last_http_status: z.int().nullable(),
    last_error: z.string().nullable(),
    created_at: z.iso.datetime(),
    finished_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'WebhookDelivery' });

export const deliveryQuerySchema = z.strictObject({
  order_id: uuidSchema.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(100),
});
