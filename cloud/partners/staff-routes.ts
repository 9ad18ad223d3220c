import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CloudContext } from '../context.ts';
import { transaction } from '../db/transaction.ts';
import { problems } from '../http/problem.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { changePartner, findPartner, storePartner, suspendPartner } from './partners.ts';
import {
  createdPartnerSchema,
  newPartnerSchema,
  partnerChangeSchema,
  partnerIdSchema,
  partnerSchema,
  partnerView,
  reasonSchema,
} from './schemas.ts';

const params = z.object({ partner_id: partnerIdSchema });
const answers = { 200: partnerSchema, ...problems(...staffProblems, 'partner.unknown') };

/** Partners: made, looked at, narrowed, suspended. */
export function partnerStaffRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const show = async (partnerId: string) => partnerView(await findPartner(context.db, partnerId));
  return (app, _options, done) => {
    app.post('/staff/v1/partners', {
      ...staff.does('partner.create'),
      schema: {
        tags: staffTags,
        summary: 'Create a partner without an application',
        description: 'For a partner of the platform itself, or a trial. Whoever does this has approved it.',
        body: newPartnerSchema,
        response: { 201: createdPartnerSchema, ...problems(...staffProblems, 'resource.exists') },
      },
      handler: async (request, reply) => {
        const { partner_id: partnerId, name } = request.body;
        const partner = { partnerId, name, creditCode: null, allowedCidrs: null };
        const approvedBy = staff.callerOf(request).name;
        await transaction(staff.recording(request, { kind: 'partner', id: partnerId }, { name }), (trx) =>
          storePartner(trx, { ...partner, approvedBy }, context.clock.wallMs()),
        );
        return reply.status(201).send(request.body);
      },
    });

    app.get('/staff/v1/partners', {
      ...staff.reads('partners.read'),
      schema: {
        tags: staffTags,
        summary: 'Partners',
        response: { 200: z.object({ partners: z.array(partnerSchema) }), ...problems(...staffProblems) },
      },
      handler: async () => {
        const rows = await context.db.selectFrom('partners').selectAll().orderBy('partner_id').execute();
        return { partners: rows.map(partnerView) };
      },
    });

    app.get('/staff/v1/partners/:partner_id', {
      ...staff.reads('partners.read'),
      schema: { tags: staffTags, summary: 'One partner', params, response: answers },
      handler: (request) => show(request.params.partner_id),
    });

    app.patch('/staff/v1/partners/:partner_id', {
      ...staff.does('partner.change'),
      schema: {
        tags: staffTags,
        summary: 'Say from where a partner may call, and what happens when a key of it behaves unusually',
        params,
        body: partnerChangeSchema,
        response: answers,
      },
      handler: async (request) => {
        const { partner_id: id } = request.params;
        const { allowed_cidrs: allowedCidrs, suspends_unusual: suspendsUnusual } = request.body;
        const db = staff.recording(request, { kind: 'partner', id }, request.body);
        await changePartner({ ...context, db }, id, { allowedCidrs, suspendsUnusual });
        return show(id);
      },
    });

    app.post('/staff/v1/partners/:partner_id/suspend', {
      ...staff.does('partner.suspend'),
      schema: {
        tags: staffTags,
        summary: 'Refuse everything that a partner signs',
        description: 'At once, in every process. Charges that run go on.',
        params,
        body: z.strictObject({ reason: reasonSchema.describe('told to the partner') }),
        response: answers,
      },
      handler: async (request) => {
        const { partner_id: id } = request.params;
        const db = staff.recording(request, { kind: 'partner', id }, request.body);
        await suspendPartner({ ...context, db }, id, request.body.reason);
        return show(id);
      },
    });

    app.post('/staff/v1/partners/:partner_id/resume', {
      ...staff.does('partner.resume'),
      schema: {
        tags: staffTags,
        summary: 'Take what a partner signs again',
        params,
        body: z.strictObject({ reason: reasonSchema }),
        response: answers,
      },
      handler: async (request) => {
        const { partner_id: id } = request.params;
        const db = staff.recording(request, { kind: 'partner', id }, request.body);
        await suspendPartner({ ...context, db }, id, null);
        return show(id);
      },
    });
    done();
  };
}
