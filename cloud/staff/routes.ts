import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { digestOf } from '../canonical-json.ts';
import type { CloudContext } from '../context.ts';
import { problems } from '../http/problem.ts';
import { createSite } from './create-site.ts';
import { putTariffInForce } from './create-tariff.ts';
import type { StaffGate } from './gate.ts';
import { createdSiteSchema, createdTariffSchema, newSiteSchema, newTariffSchema } from './schemas.ts';

export const staffTags = ['staff'];
export const staffProblems = [
  'auth.missing',
  'auth.unknown_key',
  'staff.session_over',
  'staff.token_over',
  'staff.forbidden',
  'request.invalid',
] as const;

/** What staff set up: sites and tariffs. */
export function staffRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.post('/staff/v1/sites', {
      ...staff.does('site.create'),
      schema: {
        tags: staffTags,
        summary: 'Create a site with its connectors, and a claim code or a password for it',
        body: newSiteSchema,
        response: { 201: createdSiteSchema, ...problems(...staffProblems, 'resource.exists') },
      },
      handler: async (request, reply) => {
        const { site_id: id, environment, login } = request.body;
        const db = staff.recording(request, { kind: 'site', id }, { environment, login });
        return reply.status(201).send(await createSite({ ...context, db }, request.body));
      },
    });

    app.post('/staff/v1/tariffs', {
      ...staff.does('tariff.put'),
      schema: {
        tags: staffTags,
        summary: 'Put a version of a tariff in force',
        body: newTariffSchema,
        response: {
          201: createdTariffSchema,
          ...problems(...staffProblems, 'tariff.version_exists', 'station.unknown'),
        },
      },
      handler: async (request, reply) => {
        const { site_ids: siteIds, tariff, bounds } = request.body;
        const subject = { kind: 'tariff', id: `${tariff.tariffId}/${tariff.version}` };
        const db = staff.recording(request, subject, { site_ids: siteIds, digest: digestOf(tariff) });
        await putTariffInForce({ ...context, db }, siteIds, tariff, bounds ?? null);
        return reply.status(201).send({ tariff_id: tariff.tariffId, version: tariff.version, site_ids: siteIds });
      },
    });
    done();
  };
}
