import { z } from 'zod';
import { connectorStatusSchema } from '#shared/wire/messages.ts';
import { tariffViewSchema } from '../orders/schemas.ts';

export const connectorSchema = z
  .object({
    connector_id: z.string(),
    site_id: z.string(),
    pile_id: z.string(),
    model: z.string(),
    max_power_w: z.int(),
    status: z.enum([...connectorStatusSchema.options, 'unknown']).describe('unknown when nothing fresh is known'),
    plugged: z.boolean().nullable(),
    power_w: z.int().nullable(),
    current_ma: z.int().nullable(),
    temperature_c: z.number().nullable(),
    faults: z.array(z.string()),
    observed_at: z.iso.datetime().nullable().describe('when the site saw it, by its clock'),
    received_at: z.iso.datetime().nullable(),
    freshness_s: z.number().nullable().describe('age of the observation'),
    tariff: tariffViewSchema.nullable().describe('in force here now; null: no charge can be started'),
  })
  .meta({ id: 'Connector' });

const stationFields = {
  site_id: z.string(),
  name: z.string(),
  environment: z.enum(['sandbox', 'live']),
  timezone: z.string(),
  online: z.boolean(),
  updated_at: z.iso
    .datetime()
    .describe('last change of the station itself, its connectors or its tariff; not of their status'),
  tariff: tariffViewSchema.nullable().describe('in force now for the whole site; a connector may have its own'),
};

export const stationSchema = z
  .object({ ...stationFields, connectors: z.array(connectorSchema) })
  .meta({ id: 'Station' });
