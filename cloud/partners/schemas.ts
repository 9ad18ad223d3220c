import { z } from 'zod';
import { isoOrNull } from '../http/iso.ts';
import { scopes } from './caller.ts';
import { keyStates } from './key-state.ts';
import { rangesOf } from './keys.ts';
import { sourceCidrsSchema } from './onboarding/registration.ts';
import { keyLimitsSchema } from './rate-policy.ts';
import type { PartnerRow } from './tables.ts';

const environmentSchema = z.enum(['sandbox', 'live']);
const nameSchema = z.string().min(1).max(100);
const scopesSchema = z.array(z.enum(scopes)).min(1);

export const partnerIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,47}$/, 'lower case letters, digits, "-" and "_"');
export const keyIdSchema = z.string().regex(/^[\x21-\x7e]{1,64}$/);
export const reasonSchema = z.string().min(1).max(500);

export const newPartnerSchema = z.strictObject({ partner_id: partnerIdSchema, name: nameSchema });
export const createdPartnerSchema = z.object({ partner_id: z.string(), name: z.string() });

/** What is left out stays as it is. */
export const partnerChangeSchema = z.strictObject({
  allowed_cidrs: sourceCidrsSchema
    .min(1)
    .nullable()
    .optional()
    .describe('the only ranges from which calls are taken; null: from everywhere'),
  suspends_unusual: z
    .boolean()
    .optional()
    .describe('whether a key that behaves unusually is disabled at once, or only told to staff'),
});

export const partnerSchema = z.object({
  partner_id: z.string(),
  name: z.string(),
  credit_code: z.string().nullable(),
  approved_by: z.string().nullable(),
  approved_at: z.iso.datetime().nullable(),
  allowed_cidrs: z.array(z.string()).nullable(),
  suspends_unusual: z.boolean(),
  suspended_at: z.iso.datetime().nullable(),
  suspended_reason: z.string().nullable(),
});

export function partnerView(row: PartnerRow): z.infer<typeof partnerSchema> {
  return {
    partner_id: row.partner_id,
    name: row.name,
    credit_code: row.credit_code,
    approved_by: row.approved_by,
    approved_at: isoOrNull(row.approved_at_ms),
    allowed_cidrs: rangesOf(row.allowed_cidrs),
    suspends_unusual: row.suspends_unusual,
    suspended_at: isoOrNull(row.suspended_at_ms),
    suspended_reason: row.suspended_reason,
  };
}

const keyLabelSchema = z.string().min(1).max(60);
const keyRangesSchema = sourceCidrsSchema.min(1).nullable().optional().describe('within those of the partner');
const ownLimitsSchema = keyLimitsSchema
  .nullable()
  .optional()
  .describe('in place of those of the platform, by class; of a key and all that it was rotated from or to');

export const newKeySchema = z.strictObject({
  environment: environmentSchema,
  scopes: scopesSchema,
  label: keyLabelSchema.optional(),
  allowed_cidrs: keyRangesSchema,
  limits: ownLimitsSchema,
});
/** What is left out stays as it is. */
export const keyChangeSchema = newKeySchema.pick({ label: true, allowed_cidrs: true, limits: true });

export const createdKeySchema = z
  .object({
    key_id: z.string(),
    secret: z.string().describe('shown once'),
    environment: environmentSchema,
    scopes: z.array(z.enum(scopes)),
  })
  .meta({ id: 'CreatedKey' });

export const rotationSchema = z.strictObject({
  overlap_s: z
    .int()
    .min(0)
    .max(604_800)
    .describe('how long the present key is taken beside the new one; 0: it ends at once'),
});
export const rotatedKeySchema = z
  .object({
    key_id: z.string(),
    secret: z.string().describe('shown once'),
    former_key_id: z.string(),
    former_ends_at: z.iso.datetime(),
  })
  .meta({ id: 'RotatedKey' });

export const keySchema = z
  .object({
    key_id: z.string(),
    label: z.string().nullable(),
    environment: environmentSchema,
    scopes: z.array(z.enum(scopes)),
    state: z.enum(keyStates).describe('`replaced`: taken until `ends_at`'),
    allowed_cidrs: z.array(z.string()).nullable(),
    limits: keyLimitsSchema.nullable(),
    created_at: z.iso.datetime(),
    ends_at: z.iso.datetime().nullable(),
    replaced_by: z.string().nullable(),
    ended_reason: z.string().nullable(),
    last_used_at: z.iso.datetime().nullable().describe('to the minute'),
    last_used_from: z.string().nullable(),
  })
  .meta({ id: 'Key' });
