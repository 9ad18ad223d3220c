import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { connectorIdSchema, pileCodeSchema, siteIdSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { problems } from '../http/problem.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { personSchema } from '../staff/schemas.ts';
import { listSites, siteForStaff, staffSiteSchema, staffSiteWithConnectorsSchema } from './staff-view.ts';
import { setPileCode, withdrawConnector, withdrawStation } from './withdraw.ts';

const ofSite = z.object({ site_id: siteIdSchema });
const ofConnector = z.object({ connector_id: connectorIdSchema });
const reasonSchema = z.string().min(1).max(200);
const done204 = { 204: z.undefined().describe('done') };

/** Sites and their connectors, for staff. */
export function stationStaffRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const { db, clock } = context;
  return (app, _options, done) => {
    app.get('/staff/v1/sites', {
      ...staff.reads('sites.read'),
      schema: {
        tags: staffTags,
        summary: 'Sites in the order of their names, with how their links stand',
        querystring: z.strictObject({
          after: siteIdSchema.optional().describe('`next_after` of the page before'),
          environment: z.enum(['sandbox', 'live']).optional(),
          limit: z.coerce.number().int().min(1).max(500).default(100),
        }),
        response: {
          200: z.object({ sites: z.array(staffSiteSchema), next_after: z.string().nullable() }),
          ...problems(...staffProblems),
        },
      },
      handler: (request) => {
        const { after = null, environment = null, limit } = request.query;
        return listSites(db, { after, environment, limit }, clock.wallMs());
      },
    });

    app.get('/staff/v1/sites/:site_id', {
      ...staff.reads('sites.read'),
      schema: {
        tags: staffTags,
        summary: 'One site, with its connectors',
        params: ofSite,
        response: { 200: staffSiteWithConnectorsSchema, ...problems(...staffProblems, 'station.unknown') },
      },
      handler: (request) => siteForStaff(db, request.params.site_id, clock.wallMs()),
    });

    app.post('/staff/v1/sites/:site_id/withdraw', {
      ...staff.does('site.withdraw'),
      schema: {
        tags: staffTags,
        summary: 'Take a station out of what is offered to partners',
        description: 'Partners see it as withdrawn. No charge begins there; what runs goes on.',
        params: ofSite,
        body: z.strictObject({ reason: reasonSchema.describe('partners see it') }),
        response: { ...done204, ...problems(...staffProblems, 'station.unknown') },
      },
      handler: async (request, reply) => {
        const { site_id: id } = request.params;
        const { reason } = request.body;
        await withdrawStation({ clock, db: staff.recording(request, { kind: 'site', id }, { reason }) }, id, reason);
        return reply.status(204).send();
      },
    });

    app.post('/staff/v1/sites/:site_id/restore', {
      ...staff.does('site.restore'),
      schema: {
        tags: staffTags,
        summary: 'Offer a station again',
        params: ofSite,
        body: z.strictObject({ reason: reasonSchema }),
        response: { ...done204, ...problems(...staffProblems, 'station.unknown') },
      },
      handler: async (request, reply) => {
        const { site_id: id } = request.params;
        const recording = staff.recording(request, { kind: 'site', id }, { reason: request.body.reason });
        await withdrawStation({ clock, db: recording }, id, null);
        return reply.status(204).send();
      },
    });

    for (const [what, isOut, summary] of [
      ['withdraw', true, 'Take a connector out of what is offered to partners'],
      ['restore', false, 'Offer a connector again'],
    ] as const) {
      app.post(`/staff/v1/connectors/:connector_id/${what}`, {
        ...staff.does(`connector.${what}`),
        schema: {
          tags: staffTags,
          summary,
          params: ofConnector,
          body: z.strictObject({ reason: reasonSchema }),
          response: { ...done204, ...problems(...staffProblems, 'connector.unknown') },
        },
        handler: async (request, reply) => {
          const { connector_id: id } = request.params;
          const recording = staff.recording(request, { kind: 'connector', id }, { reason: request.body.reason });
          await withdrawConnector({ clock, db: recording }, id, isOut);
          return reply.status(204).send();
        },
      });
    }

    app.post('/staff/v1/connectors/:connector_id/pile-code', {
      ...staff.does('connector.set_code'),
      schema: {
        tags: staffTags,
        summary: 'Give a connector another code',
        description: 'What is printed on the pile has to be changed with it: the code before resolves no longer.',
        params: ofConnector,
        body: z.strictObject({ pile_code: pileCodeSchema, requested_by: personSchema.optional() }),
        response: { ...done204, ...problems(...staffProblems, 'connector.unknown', 'resource.exists') },
      },
      handler: async (request, reply) => {
        const { connector_id: id } = request.params;
        const { pile_code: code, requested_by: given } = request.body;
        const recording = staff.recording(request, { kind: 'connector', id }, { pile_code: code });
        await setPileCode({ clock, db: recording }, id, { code, setBy: staff.personOf(request, given) });
        return reply.status(204).send();
      },
    });
    done();
  };
}
