import { z } from 'zod';
import { givenUuidSchema } from '#shared/ids.ts';
import { tariffSchema } from '#shared/tariff/tariff.ts';
import { reasonSchema } from '../schemas.ts';
import { accountKinds } from './tables.ts';

export const currencySchema = tariffSchema.shape.currency;
const environmentSchema = z.enum(['sandbox', 'live']);
const MOST_MINOR = 1_000_000_000_000;
const amountSchema = z.int().positive().max(MOST_MINOR);

/** Amounts are in 1/100 of the currency unit. */
export const accountSchema = z
  .object({
    environment: environmentSchema,
    currency: z.string(),
    kind: z
      .enum(accountKinds)
      .describe('deposit: paid ahead. limit: on credit up to the limit. unlimited: nothing is refused'),
    limit_minor: z.int(),
    hold_per_start_minor: z.int().nullable().describe('held for a start that names no `hold_minor` itself'),
    low_marks_minor: z.array(z.int()).describe('`credit.low` tells of each that what is left falls below'),
    funded_minor: z.int().describe('paid in, less what was paid back, with corrections'),
    charged_minor: z.int(),
    held_minor: z.int().describe('for charges that are not over'),
    available_minor: z.int().nullable().describe('funded + limit - charged - held; null: nothing limits it'),
  })
  .meta({ id: 'CreditAccount' });

export const holdSchema = z
  .object({
    transfer_id: z
      .string()
      .describe('of a charge the id of its record (`cdr_id`, `occupancy_id`), of the fee of a reservation its id'),
    order_id: z.string().nullable(),
    amount_minor: z.int(),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'CreditHold' });

export const transferSchema = holdSchema
  .extend({
    kind: z.enum(['hold', 'charge', 'top_up', 'withdrawal', 'correction']),
    state: z.enum(['pending', 'posted', 'voided', 'expired']),
    amount_minor: z.int().describe('below zero: taken from you'),
    reference: z.string().nullable(),
    reason: z.string().nullable(),
    closed_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'CreditTransfer' });

export const newTermsSchema = z
  .strictObject({
    environment: environmentSchema,
    currency: currencySchema,
    kind: z.enum(accountKinds),
    limit_minor: z.int().min(0).max(MOST_MINOR).describe('0 unless the kind is `limit`'),
    hold_per_start_minor: amountSchema
      .nullable()
      .describe('what a start holds that names no amount; null with `unlimited`'),
    low_marks_minor: z.array(z.int().min(0).max(MOST_MINOR)).max(10),
    reason: reasonSchema,
  })
  .refine(({ kind, limit_minor: limit }) => (kind === 'limit') === limit > 0, {
    path: ['limit_minor'],
    message: 'above 0 with the kind "limit", and 0 with any other',
  })
  .refine(({ kind, hold_per_start_minor: hold }) => (kind === 'unlimited') === (hold === null), {
    path: ['hold_per_start_minor'],
    message: 'null with the kind "unlimited", and an amount with any other',
  });

export const newTransferSchema = z.strictObject({
  transfer_id: givenUuidSchema.describe('made by you: the same one again moves nothing'),
  environment: environmentSchema,
  currency: currencySchema,
  kind: z
    .enum(['top_up', 'withdrawal', 'credit', 'debit'])
    .describe('credit and debit are corrections: in favour of the partner, or not'),
  amount_minor: amountSchema,
  reference: z.string().min(1).max(200).describe('what it is by: a bank transfer, a credit note'),
  order_id: givenUuidSchema.optional().describe('of a correction: the order that it is about'),
  reason: reasonSchema,
});

export const settlementSchema = z.strictObject({
  transfer_id: givenUuidSchema,
  amount_minor: z.int().min(0).max(MOST_MINOR).describe('for all of the order; 0: nobody pays'),
  reason: reasonSchema,
});
