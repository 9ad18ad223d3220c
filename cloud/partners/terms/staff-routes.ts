import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { tariffScheduleSchema } from '#shared/tariff/schedule.ts';
import { digestOf } from '../../canonical-json.ts';
import type { CloudContext } from '../../context.ts';
import type { Db } from '../../db/connect.ts';
import type { Environment } from '../../db/schema.ts';
import { iso } from '../../http/iso.ts';
import { problems } from '../../http/problem.ts';
import type { StaffGate } from '../../staff/gate.ts';
import { staffProblems, staffTags } from '../../staff/routes.ts';
import { findPartner } from '../partners.ts';
import { partnerIdSchema } from '../schemas.ts';
import { putAccess } from './put-access.ts';
import { putPrices } from './put-prices.ts';
import { newAccessSchema, newPricesSchema, termsSchema } from './schemas.ts';

const params = z.object({ partner_id: partnerIdSchema });
const BASE = '/staff/v1/partners/:partner_id';

/** Which stations a partner may use, and at what prices. */
export function termsStaffRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(`${BASE}/terms`, {
      ...staff.reads('partners.read'),
      schema: {
        tags: staffTags,
        summary: 'Which stations a partner may use, and the prices that it pays in place of theirs',
        params,
        querystring: z.strictObject({ environment: z.enum(['sandbox', 'live']) }),
        response: { 200: termsSchema, ...problems(...staffProblems, 'partner.unknown') },
      },
      handler: (request) => termsView(context.db, request.params.partner_id, request.query.environment),
    });

    app.post(`${BASE}/access`, {
      ...staff.does('partner.set_access'),
      schema: {
        tags: staffTags,
        summary: 'Say which stations a partner may use',
        description:
          'Any other station does not exist for it. Charges that run go on, and can be looked at and stopped.',
        params,
        body: newAccessSchema,
        response: { 200: termsSchema, ...problems(...staffProblems, 'partner.unknown', 'station.unknown') },
      },
      handler: async (request) => {
        const { partner_id: id } = request.params;
        const { environment, stations, site_ids: siteIds } = request.body;
        const db = staff.recording(request, { kind: 'partner', id }, request.body);
        const changedBy = staff.callerOf(request).name;
        await putAccess({ ...context, db }, { partnerId: id, environment, stations, siteIds, changedBy });
        return termsView(context.db, id, environment);
      },
    });

    app.post(`${BASE}/prices`, {
      ...staff.does('partner.put_prices'),
      schema: {
        tags: staffTags,
        summary: "Put a partner's own prices in the place of those of one station, or of all",
        description:
          'Each tariff holds from its instant on, for charges that begin then; an order keeps the tariff that it began with. While none of them is in force, the station has its own price.',
        params,
        body: newPricesSchema,
        response: {
          200: termsSchema,
          ...problems(...staffProblems, 'partner.unknown', 'station.unknown', 'tariff.version_exists'),
        },
      },
      handler: async (request) => {
        const { partner_id: id } = request.params;
        const { environment, site_id: siteId, schedule, reason } = request.body;
        const detail = { environment, site_id: siteId, version: schedule.version, digest: digestOf(schedule), reason };
        const db = staff.recording(request, { kind: 'partner', id }, detail);
        const putBy = staff.callerOf(request).name;
        await putPrices({ ...context, db }, { partnerId: id, environment, siteId, schedule, reason, putBy });
        return termsView(context.db, id, environment);
      },
    });
    done();
  };
}

async function termsView(db: Db, partnerId: string, environment: Environment): Promise<z.infer<typeof termsSchema>> {
  await findPartner(db, partnerId);
  const access = await db
    .selectFrom('partner_access')
    .select('stations')
    .where('partner_id', '=', partnerId)
    .where('environment', '=', environment)
    .executeTakeFirst();
  const listed = await db
    .selectFrom('partner_stations')
    .innerJoin('sites', 'sites.site_id', 'partner_stations.site_id')
    .select('sites.site_id')
    .where('partner_id', '=', partnerId)
    .where('environment', '=', environment)
    .orderBy('sites.site_id')
    .execute();
  const prices = await db
    .selectFrom('partner_prices')
    .selectAll()
    .where('partner_id', '=', partnerId)
    .where('environment', '=', environment)
    .where('replaced_at_ms', 'is', null)
    .orderBy('site_id')
    .execute();
  return {
    partner_id: partnerId,
    environment,
    stations: access?.stations ?? 'all',
    site_ids: listed.map((row) => row.site_id),
    prices: prices.map((row) => ({
      site_id: row.site_id,
      version: row.version,
      put_by: row.put_by,
      put_at: iso(row.put_at_ms),
      reason: row.reason,
      schedule: tariffScheduleSchema.parse(JSON.parse(row.document)),
    })),
  };
}
