import { z } from 'zod';
import { connectorIdSchema, requestIdSchema, uuidSchema } from '#shared/ids.ts';

export const startBodySchema = z.strictObject({
  request_id: requestIdSchema.describe('your own name for this request; repeat it unchanged when you retry'),
  connector_id: connectorIdSchema,
});

export const stopBodySchema = z.strictObject({ request_id: requestIdSchema, order_id: uuidSchema });

const answerFields = {
  operation_id: uuidSchema,
  request_id: z.string(),
  kind: z.enum(['start', 'stop']),
  order_id: uuidSchema,
  connector_id: z.string(),
  created_at: z.iso.datetime(),
  deadline_at: z.iso.datetime().nullable().describe('null for a stop, which waits for its site'),
};

export const acceptedSchema = z
  .object({ ...answerFields, status: z.literal('accepted') })
  .meta({ id: 'AcceptedOperation' });

export const operationSchema = z
  .object({
    ...answerFields,
    status: z.enum(['accepted', 'succeeded', 'failed']).describe('succeeded and failed are final'),
    finished_at: z.iso.datetime().nullable(),
    failure: z.object({ code: z.string(), detail: z.string(), fault: z.string() }).nullable(),
  })
  .meta({ id: 'Operation' });

export const operationQuerySchema = z.strictObject({
  request_id: requestIdSchema,
  kind: z.enum(['start', 'stop']).optional(),
});
