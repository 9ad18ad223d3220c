import { z } from 'zod';
import { connectorIdSchema, givenUuidSchema } from '#shared/ids.ts';
import { openingHoursSchema } from './opening-hours.ts';

const instantSchema = z.iso.datetime({ offset: true });
const noteSchema = z.string().min(1).max(500).describe('what is done, for partners and drivers');
const reasonSchema = z.string().min(1).max(500);
const connectorIdsSchema = z.array(connectorIdSchema).min(1).max(500).nullable().describe('null: the whole station');

export const maintenanceWindowSchema = z
  .object({
    window_id: z.string(),
    site_id: z.string(),
    connector_ids: z.array(z.string()).nullable().describe('null: the whole station'),
    from: z.iso.datetime(),
    until: z.iso.datetime(),
    note: z.string(),
    state: z.enum(['planned', 'cancelled']),
    cancel_reason: z.string().nullable(),
    changed_at: z.iso.datetime(),
  })
  .meta({ id: 'MaintenanceWindow' });

export const hoursViewSchema = openingHoursSchema
  .nullable()
  .describe("by the clock of the station's time zone; null: always open. Nothing is started outside of them");

export const newHoursSchema = z.strictObject({
  hours: openingHoursSchema.nullable().describe('null: nothing is said any more, and it is always open'),
  reason: reasonSchema,
});
export const putHoursSchema = z.object({ site_id: z.string(), hours: hoursViewSchema });

const times = { from: instantSchema.describe('inclusive'), until: instantSchema.describe('exclusive') };
const isForward = ({ from, until }: { from: string; until: string }) => Date.parse(from) < Date.parse(until);
const FORWARD = { path: ['until'], message: 'later than "from"' };

export const newWindowSchema = z
  .strictObject({
    window_id: givenUuidSchema.describe('made by you: the same one again plans nothing more'),
    connector_ids: connectorIdsSchema,
    ...times,
    note: noteSchema,
  })
  .refine(isForward, FORWARD);

export const windowChangeSchema = z
  .strictObject({ connector_ids: connectorIdsSchema, ...times, note: noteSchema })
  .refine(isForward, FORWARD);

export const cancelledSchema = z.strictObject({ reason: reasonSchema.describe('told to partners') });
