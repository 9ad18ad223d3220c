import { z } from 'zod';
import { connectorIdSchema, givenUuidSchema, requestIdSchema, uuidSchema } from '#shared/ids.ts';
import { feeBillSchema } from '../orders/schemas.ts';
import { reservationStates } from './machine.ts';

export const reserveBodySchema = z
  .strictObject({
    request_id: requestIdSchema.describe('your own name for this request; repeat it unchanged when you retry'),
    connector_id: connectorIdSchema,
    until: z.iso.datetime({ offset: true }).describe('the connector is held until then'),
  })
  .meta({ examples: [{ request_id: 'r-1', connector_id: 'A1', until: '2026-11-22T10:30:00Z' }] });

export const cancelReservationBodySchema = z.strictObject({
  request_id: requestIdSchema,
  reservation_id: givenUuidSchema,
});

export const reservationSchema = z
  .object({
    reservation_id: uuidSchema,
    request_id: z.string(),
    state: z
      .enum(reservationStates)
      .describe(
        'requested and active are not final; rejected: it has never held; released: ended on site or by us, or its holder was kept out',
      ),
    site_id: z.string(),
    connector_id: z.string(),
    until: z.iso.datetime(),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    active_at: z.iso.datetime().nullable(),
    ended_at: z.iso.datetime().nullable(),
    end_reason: z.string().nullable().describe('an open list of words: why it has ended'),
    held_s: z.int().nullable().describe('for how long the connector was held, when it has ended'),
    order_id: uuidSchema.nullable().describe('of the charge that has used it'),
    fee: feeBillSchema
      .nullable()
      .describe('what it costs when no charge has used it; one that was used is in the bill of its order'),
    failure: z.object({ code: z.string(), detail: z.string(), fault: z.string() }).nullable(),
  })
  .meta({ id: 'Reservation' });
