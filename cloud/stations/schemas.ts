import { z } from 'zod';
import { connectorStatusSchema as toldStatusSchema } from '#shared/wire/messages.ts';
import { tariffViewSchema } from '../orders/schemas.ts';
import { hoursViewSchema, maintenanceWindowSchema } from './hours/schemas.ts';
import { connectorKinds } from './tables.ts';

const identity = { connector_id: z.string(), site_id: z.string(), pile_id: z.string() };

/** A new status may be added any day: whoever reads treats one that is not known as "cannot be used". */
export const publicStatusSchema = z
  .enum([...toldStatusSchema.options, 'reserved', 'unknown'])
  .describe('unknown when nothing fresh is known. More may be added: treat one that you do not know as not to be used');

const observation = {
  observed_at: z.iso.datetime().nullable().describe('when the site saw it, by its clock'),
  received_at: z.iso.datetime().nullable(),
  freshness_s: z.number().nullable().describe('age of the observation'),
};

const live = {
  status: publicStatusSchema,
  plugged: z.boolean().nullable(),
  power_w: z.int().nullable(),
  current_ma: z.int().nullable(),
  temperature_c: z.number().nullable(),
  faults: z.array(z.string()).describe('codes: see `GET /fault-codes`'),
  ...observation,
};

export const connectorStatusSchema = z.object({ ...identity, ...live }).meta({ id: 'ConnectorStatus' });

const updatedAtSchema = z.iso
  .datetime()
  .describe(
    'last change of the station, its connectors, its prices, or what was agreed with partners about it; not of the status',
  );
const withdrawnAtSchema = z.iso.datetime().nullable().describe('no charge can be started there any more');

const connectorFacts = {
  ...identity,
  model: z.string(),
  kind: z.enum(connectorKinds).nullable().describe('what comes out of it; null: nobody has said'),
  max_power_w: z.int(),
  pile_code: z.string().nullable().describe('what is printed on the pile for this connector'),
  updated_at: updatedAtSchema,
  withdrawn_at: withdrawnAtSchema,
};

/** Names a version of a tariff, which never changes. */
const tariffNameSchema = z.object({ tariff_id: z.string(), version: z.int() });

export const connectorFactsSchema = z
  .object({
    ...connectorFacts,
    tariff: tariffNameSchema.nullable().describe('what you pay there now; null: no charge can be started'),
  })
  .meta({ id: 'ConnectorFacts' });

export const connectorSchema = z
  .object({
    ...connectorFacts,
    ...live,
    closed_by: z
      .enum(['station.closed', 'station.maintenance'])
      .nullable()
      .describe('why nothing is started there now, whatever the status tells of the pile; null: open'),
    tariff: tariffViewSchema.nullable().describe('in force here now; null: no charge can be started'),
  })
  .meta({ id: 'Connector' });

export const pileSchema = z
  .object({
    site_id: z.string(),
    pile_id: z.string(),
    model: z.string(),
    connectors: z.array(
      z.object({
        connector_id: z.string(),
        kind: z.enum(connectorKinds).nullable(),
        max_power_w: z.int(),
        withdrawn_at: withdrawnAtSchema,
      }),
    ),
    updated_at: updatedAtSchema,
    withdrawn_at: withdrawnAtSchema,
  })
  .meta({ id: 'Pile' });

const stationFacts = {
  site_id: z.string(),
  name: z.string(),
  environment: z.enum(['sandbox', 'live']),
  timezone: z.string(),
  online: z.boolean(),
  updated_at: updatedAtSchema,
  withdrawn_at: withdrawnAtSchema,
  withdrawn_reason: z.string().nullable(),
  opening_hours: hoursViewSchema,
  maintenance: z.array(maintenanceWindowSchema).describe('planned, the next one first'),
  connector_count: z.int().describe('those that are not withdrawn'),
  tariff: tariffViewSchema.nullable().describe('in force now for the whole site; a connector may have its own'),
};

export const stationFactsSchema = z.object(stationFacts).meta({ id: 'StationFacts' });

export const stationSchema = z
  .object({ ...stationFacts, connectors: z.array(connectorSchema) })
  .meta({ id: 'Station' });
