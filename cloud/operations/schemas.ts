import { z } from 'zod';
import { connectorIdSchema, givenUuidSchema, requestIdSchema, uuidSchema } from '#shared/ids.ts';
import type { OperationKind } from '../db/schema.ts';
import { limitsSchema } from '../orders/limits-view.ts';

const operationKinds = [
  'start',
  'stop',
  'raise-hold',
  'reserve',
  'cancel-reservation',
] as const satisfies OperationKind[];

const holdSchema = z
  .int()
  .positive()
  .max(100_000_000)
  .describe('the most that is charged, in 1/100 of the currency unit: what you have had paid or held ahead');

const EXAMPLE_ORDER = '0199c8a2-7a3e-7c55-9a41-5b0f3d2c1e77';

export const startBodySchema = z
  .strictObject({
    request_id: requestIdSchema.describe('your own name for this request; repeat it unchanged when you retry'),
    connector_id: connectorIdSchema,
    limits: limitsSchema.optional(),
    hold_minor: holdSchema.optional(),
    reservation_id: givenUuidSchema.optional().describe('needed where you have reserved the connector'),
  })
  .meta({ examples: [{ request_id: 'start-1', connector_id: 'A1', limits: { energy_wh: 20_000 }, hold_minor: 5000 }] });

export const raiseHoldBodySchema = z.strictObject({
  request_id: requestIdSchema,
  order_id: givenUuidSchema,
  hold_minor: holdSchema,
});

export const stopBodySchema = z
  .strictObject({ request_id: requestIdSchema, order_id: givenUuidSchema })
  .meta({ examples: [{ request_id: 'stop-1', order_id: EXAMPLE_ORDER }] });

const answerFields = {
  operation_id: uuidSchema,
  request_id: z.string(),
  kind: z.enum(operationKinds),
  order_id: uuidSchema.nullable().describe('null of an operation on a reservation'),
  reservation_id: uuidSchema.nullable().describe('of the reservation that it makes or cancels'),
  connector_id: z.string(),
  created_at: z.iso.datetime(),
  deadline_at: z.iso.datetime().nullable().describe('null for what is bound to a session, and waits for its site'),
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
  kind: z.enum(operationKinds).optional(),
});
