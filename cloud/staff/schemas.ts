import { z } from 'zod';
import { connectorIdSchema, pileCodeSchema, pileIdSchema, siteIdSchema } from '#shared/ids.ts';
import { priceBoundsSchema } from '#shared/tariff/schedule.ts';
import { tariffSchema } from '#shared/tariff/tariff.ts';
import { SHARD_COUNT } from '#shared/wire/topics.ts';
import { connectorKinds } from '../stations/tables.ts';

const environmentSchema = z.enum(['sandbox', 'live']);
const nameSchema = z.string().min(1).max(100);
/** The same rule as in a tariff, asked of the same schema. */
const timezoneSchema = tariffSchema.shape.timezone;

export const newSiteSchema = z.strictObject({
  site_id: siteIdSchema,
  name: nameSchema,
  environment: environmentSchema,
  timezone: timezoneSchema,
  shard: z
    .int()
    .min(0)
    .max(SHARD_COUNT - 1)
    .optional(),
  login: z
    .enum(['claim', 'password'])
    .default('claim')
    .describe(
      'claim: a one-time code, for which the site gets a credential of its own. password: one that does not expire',
    ),
  connectors: z
    .array(
      z.strictObject({
        connector_id: connectorIdSchema,
        pile_id: pileIdSchema,
        model: nameSchema,
        max_power_w: z.int().positive(),
        kind: z.enum(connectorKinds).optional(),
        pile_code: pileCodeSchema.optional().describe('printed on the pile; left out: the id of the connector'),
      }),
    )
    .min(1)
    .max(500),
});

export const createdSiteSchema = z
  .object({
    site_id: z.string(),
    shard: z.int(),
    broker_username: z.string(),
    broker_password: z.string().nullable().describe('shown once; null: the site has a claim code instead'),
    claim_code: z.string().nullable().describe('shown once'),
    claim_expires_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'CreatedSite' });

export const newTariffSchema = z.strictObject({
  site_ids: z.array(siteIdSchema).min(1).max(1000),
  tariff: tariffSchema.describe('the document that goes to the site as it is'),
  bounds: priceBoundsSchema.optional().describe('what its prices must lie between; left out: whatever they are'),
});

export const createdTariffSchema = z.object({ tariff_id: z.string(), version: z.int(), site_ids: z.array(z.string()) });

export const staffIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{1,47}$/, '2 to 48 lower case letters, digits, ".", "-" and "_"')
  .refine((id) => id !== 'service', 'the name of machines');

export const personSchema = z
  .string()
  .min(1)
  .max(64)
  .describe('the person, for the record; needed from a machine, and of a person the account is taken');

/** Who asks for something that ends what others have begun, and why. */
export const reasonedSchema = z.strictObject({
  requested_by: personSchema.optional(),
  reason: z.string().trim().min(1).max(500),
});

export const listQuerySchema = z.strictObject({ limit: z.coerce.number().int().min(1).max(500).default(100) });

export const deadLetterSchema = z.object({
  dead_letter_id: z.int(),
  source: z.string(),
  site_id: z.string().nullable(),
  store_epoch: z.string().nullable(),
  stream: z.string().nullable(),
  seq: z.int().nullable(),
  topic: z.string().nullable(),
  code: z.string(),
  reason: z.string(),
  payload: z.string(),
  received_at: z.iso.datetime(),
  ticket_id: z.string().nullable().describe('null: a worker has not seen it yet'),
});

export const recordGapSchema = z
  .object({
    gap_id: z.string(),
    site_id: z.string(),
    store_epoch: z.string(),
    stream: z.string(),
    first_seq: z.int(),
    last_seq: z.int(),
    found_at: z.iso.datetime().describe('with which hello of the site it was found'),
  })
  .meta({ id: 'RecordGap' });

export const retriedRecordSchema = z.object({
  dead_letter_id: z.int(),
  seq: z.int(),
  applied: z.boolean(),
  code: z.string().nullable(),
  reason: z.string().nullable(),
});

export const exceptionSchema = z.object({
  exception_id: z.int(),
  order_id: z.string(),
  cdr_id: z.string().nullable(),
  code: z.string(),
  detail: z.string(),
  created_at: z.iso.datetime(),
  resolved_at: z.iso.datetime().nullable().describe('when its ticket was resolved'),
  ticket_id: z.string().nullable().describe('null: a worker has not seen it yet'),
  billed_by_site_minor: z.int().nullable(),
  billed_by_platform_minor: z.int().nullable(),
});
