import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { connectorIdSchema, givenUuidSchema, requestIdSchema, uuidSchema } from '#shared/ids.ts';
import { maintenanceActionSchema } from '#shared/wire/messages.ts';
import type { CloudContext } from '../context.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import { problems } from '../http/problem.ts';
import { type Maintenance, maintain, maintenances } from '../operations/maintenance.ts';
import type { StaffGate } from './gate.ts';
import { staffProblems, staffTags } from './routes.ts';
import { personSchema } from './schemas.ts';

const wishSchema = z
  .strictObject({
    request_id: requestIdSchema,
    connector_id: connectorIdSchema,
    action: maintenanceActionSchema,
    stop_running: z.boolean().default(false).describe('only with disable: ends the charge that runs as well'),
    requested_by: personSchema.optional(),
    expires_in_s: z.int().min(10).max(86_400).default(300),
  })
  .refine(({ action, stop_running }) => action === 'disable' || !stop_running, {
    path: ['stop_running'],
    message: 'only with disable',
  });

const maintenanceSchema = z
  .object({
    command_id: uuidSchema,
    request_id: z.string(),
    site_id: z.string(),
    connector_id: z.string(),
    action: maintenanceActionSchema,
    stop_running: z.boolean(),
    requested_by: z.string(),
    status: z
      .enum(['open', 'received', 'done', 'failed', 'unheard'])
      .describe(
        'unheard: it has expired, and the site has not said that it had it. ' +
          'failed with command.superseded: a later disable or enable has taken its place. ' +
          'In both cases the word of the site is taken when it comes.',
      ),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime(),
    finished_at: z.iso.datetime().nullable(),
    failure: z.object({ code: z.string(), detail: z.string() }).nullable(),
  })
  .meta({ id: 'Maintenance' });

const listSchema = z.strictObject({
  connector_id: connectorIdSchema.optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

function viewOf(row: Maintenance, nowMs: number): z.infer<typeof maintenanceSchema> {
  const isUnheard = row.status === 'open' && nowMs >= row.expires_at_ms;
  // Something else has been wanted since, and the site has not said what it made of this.
  const isSuperseded = row.finished_at_ms !== null && (row.status === 'open' || row.status === 'received');
  return {
    command_id: row.command_id,
    request_id: row.request_id,
    site_id: row.site_id,
    connector_id: row.connector_id,
    action: row.action,
    stop_running: row.stop_running,
    requested_by: row.requested_by,
    status: isSuperseded ? 'failed' : isUnheard ? 'unheard' : row.status,
    created_at: iso(row.created_at_ms),
    expires_at: iso(row.expires_at_ms),
    finished_at: isoOrNull(row.finished_at_ms),
    failure: row.code === null ? null : { code: row.code, detail: row.detail ?? '' },
  };
}

/** Reboot, unlock, disable, enable at a site. For staff alone: no partner's key opens this door. */
export function maintenanceRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const view = (row: Maintenance) => viewOf(row, context.clock.wallMs());
  return (app, _options, done) => {
    app.post('/staff/v1/maintenance', {
      ...staff.does('connector.maintain'),
      schema: {
        tags: staffTags,
        summary: 'Reboot, unlock, disable or enable a connector',
        description: 'Nothing of this clears a latched fault: for that a technician goes to the pile.',
        body: wishSchema,
        response: {
          202: maintenanceSchema,
          ...problems(...staffProblems, 'connector.unknown', 'request_id.reused'),
        },
      },
      handler: async (request, reply) => {
        const { connector_id: id, action, stop_running, requested_by: given } = request.body;
        const db = staff.recording(request, { kind: 'connector', id }, { action, stop_running });
        const wish = { ...request.body, requested_by: staff.personOf(request, given) };
        const { maintenance, hit } = await maintain({ ...context, db }, wish);
        reply.header('location', `/staff/v1/maintenance/${maintenance.command_id}`);
        if (hit) reply.header('idempotency-hit', 'true');
        return reply.status(202).send(view(maintenance));
      },
    });

    app.get('/staff/v1/maintenance/:command_id', {
      ...staff.reads('sites.read'),
      schema: {
        tags: staffTags,
        summary: 'How a maintenance command is getting on',
        params: z.object({ command_id: givenUuidSchema }),
        response: { 200: maintenanceSchema, ...problems(...staffProblems, 'command.unknown') },
      },
      handler: async (request) => {
        const { command_id: commandId } = request.params;
        const row = await maintenances(context.db).where('maintenance.command_id', '=', commandId).executeTakeFirst();
        if (row === undefined) throw new PilegateError('command.unknown', `no maintenance command ${commandId}`);
        return view(row);
      },
    });

    app.get('/staff/v1/maintenance', {
      ...staff.reads('sites.read'),
      schema: {
        tags: staffTags,
        summary: 'Maintenance commands, newest first',
        querystring: listSchema,
        response: { 200: z.object({ maintenance: z.array(maintenanceSchema) }), ...problems(...staffProblems) },
      },
      handler: async (request) => {
        const { connector_id: connectorId, limit } = request.query;
        const rows = await maintenances(context.db)
          .$if(connectorId !== undefined, (query) => query.where('maintenance.connector_id', '=', connectorId ?? ''))
          .orderBy('maintenance.created_at_ms', 'desc')
          .orderBy('maintenance.command_id')
          .limit(limit)
          .execute();
        return { maintenance: rows.map(view) };
      },
    });
    done();
  };
}
