import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import { problems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import { createKey } from '../partners/keys.ts';
import { createSite } from './create-site.ts';
import { putTariffInForce } from './create-tariff.ts';
import type { createStaffGate } from './gate.ts';
import {
  createdKeySchema,
  createdSiteSchema,
  createdTariffSchema,
  newKeySchema,
  newPartnerSchema,
  newSiteSchema,
  newTariffSchema,
  partnerIdSchema,
  partnerSchema,
} from './schemas.ts';

export const staffTags = ['staff'];
export const staffProblems = ['auth.missing', 'auth.unknown_key', 'request.invalid'] as const;

/** What staff set up: sites, tariffs, partners and their keys. */
export function staffRoutes(
  context: CloudContext,
  staff: ReturnType<typeof createStaffGate>,
): FastifyPluginCallbackZod {
  const preValidation = [staff, parseJsonBody];
  return (app, _options, done) => {
    app.post('/staff/v1/sites', {
      preValidation,
      schema: {
        tags: staffTags,
        summary: 'Create a site with its connectors, and a claim code or a password for it',
        body: newSiteSchema,
        response: { 201: createdSiteSchema, ...problems(...staffProblems, 'resource.exists') },
      },
      handler: async (request, reply) => reply.status(201).send(await createSite(context, request.body)),
    });

    app.post('/staff/v1/tariffs', {
      preValidation,
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
        await putTariffInForce(context, siteIds, tariff, bounds ?? null);
        return reply.status(201).send({ tariff_id: tariff.tariffId, version: tariff.version, site_ids: siteIds });
      },
    });

    app.post('/staff/v1/partners', {
      preValidation,
      schema: {
        tags: staffTags,
        summary: 'Create a partner',
        body: newPartnerSchema,
        response: { 201: partnerSchema, ...problems(...staffProblems, 'resource.exists') },
      },
      handler: async (request, reply) => {
        const inserted = await context.db
          .insertInto('partners')
          .values({ ...request.body, created_at_ms: context.clock.wallMs() })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        if (inserted.numInsertedOrUpdatedRows !== 1n) {
          throw new PilegateError('resource.exists', `partner ${request.body.partner_id} exists already`);
        }
        return reply.status(201).send(request.body);
      },
    });

    app.post('/staff/v1/partners/:partner_id/keys', {
      preValidation,
      schema: {
        tags: staffTags,
        summary: 'Create a key',
        params: z.object({ partner_id: partnerIdSchema }),
        body: newKeySchema,
        response: { 201: createdKeySchema, ...problems(...staffProblems, 'request.not_found') },
      },
      handler: async (request, reply) => {
        const { partner_id: partnerId } = request.params;
        const { environment, scopes } = request.body;
        const partner = await context.db
          .selectFrom('partners')
          .select('partner_id')
          .where('partner_id', '=', partnerId)
          .executeTakeFirst();
        if (partner === undefined) throw new PilegateError('request.not_found', `no partner ${partnerId}`);
        const { keyId, secret } = await createKey(context, { partnerId, environment, scopes });
        return reply.status(201).send({ key_id: keyId, secret, environment, scopes });
      },
    });
    done();
  };
}
