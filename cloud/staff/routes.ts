import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { digestOf } from '../canonical-json.ts';
import type { CloudContext } from '../context.ts';
import { transaction } from '../db/transaction.ts';
import { problems } from '../http/problem.ts';
import { createKey } from '../partners/key-lifecycle.ts';
import { createSite } from './create-site.ts';
import { putTariffInForce } from './create-tariff.ts';
import type { StaffGate } from './gate.ts';
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
export const staffProblems = ['auth.missing', 'auth.unknown_key', 'staff.forbidden', 'request.invalid'] as const;

/** What staff set up: sites, tariffs, partners and their keys. */
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

    app.post('/staff/v1/partners', {
      ...staff.does('partner.create'),
      schema: {
        tags: staffTags,
        summary: 'Create a partner',
        body: newPartnerSchema,
        response: { 201: partnerSchema, ...problems(...staffProblems, 'resource.exists') },
      },
      handler: async (request, reply) => {
        const { partner_id: id, name } = request.body;
        const nowMs = context.clock.wallMs();
        await transaction(staff.recording(request, { kind: 'partner', id }, { name }), async (trx) => {
          const inserted = await trx
            .insertInto('partners')
            .values({ ...request.body, created_at_ms: nowMs, approved_by: staff.callerOf(request).name, approved_at_ms: nowMs })
            .onConflict((conflict) => conflict.doNothing())
            .executeTakeFirst();
          if (inserted.numInsertedOrUpdatedRows !== 1n)
            throw new PilegateError('resource.exists', `partner ${id} exists already`);
        });
        return reply.status(201).send(request.body);
      },
    });

    app.post('/staff/v1/partners/:partner_id/keys', {
      ...staff.does('partner_key.create'),
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
        const db = staff.recording(request, { kind: 'partner', id: partnerId }, { environment, scopes });
        const { keyId, secret } = await createKey({ ...context, db }, { partnerId, environment, scopes });
        return reply.status(201).send({ key_id: keyId, secret, environment, scopes });
      },
    });
    done();
  };
}
