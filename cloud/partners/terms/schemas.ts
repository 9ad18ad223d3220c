import { z } from 'zod';
import { siteIdSchema } from '#shared/ids.ts';
import { tariffScheduleSchema } from '#shared/tariff/schedule.ts';
import { reasonSchema } from '../schemas.ts';

const environmentSchema = z.enum(['sandbox', 'live']);

export const newAccessSchema = z
  .strictObject({
    environment: environmentSchema,
    stations: z.enum(['all', 'listed']).describe('all: also those that are made later'),
    site_ids: z.array(siteIdSchema).max(5000).default([]).describe('with `listed`, all of them'),
    reason: reasonSchema,
  })
  .refine(({ stations, site_ids: siteIds }) => stations === 'listed' || siteIds.length === 0, {
    path: ['site_ids'],
    message: 'stations are named only with "listed"',
  });

export const newPricesSchema = z.strictObject({
  environment: environmentSchema,
  site_id: siteIdSchema.nullable().describe('null: every station for which the partner has no prices of its own'),
  schedule: tariffScheduleSchema.describe(
    'as for a station; without tariffs the partner pays what the station asks of everybody',
  ),
  reason: reasonSchema,
});

const pricesSchema = z.object({
  site_id: z.string().nullable(),
  version: z.int(),
  put_by: z.string(),
  put_at: z.iso.datetime(),
  reason: z.string(),
  schedule: tariffScheduleSchema,
});

export const termsSchema = z
  .object({
    partner_id: z.string(),
    environment: environmentSchema,
    stations: z.enum(['all', 'listed']),
    site_ids: z.array(z.string()).describe('what is listed'),
    prices: z.array(pricesSchema).describe('in place of those of the stations'),
  })
  .meta({ id: 'PartnerTerms' });
