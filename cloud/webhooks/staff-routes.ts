import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CloudContext } from '../context.ts';
import { problems } from '../http/problem.ts';
import { findPartner } from '../partners/partners.ts';
import { partnerIdSchema } from '../partners/schemas.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { listDeliveries, oneDelivery } from './deliveries.ts';
import { endpointView, ownEndpoints } from './endpoints.ts';
import { replayEvents } from './replay.ts';
import {
  deliveryDetailSchema,
  deliveryPageSchema,
  deliveryParams,
  deliveryQuerySchema,
  endpointSchema,
  replayedSchema,
  staffReplaySchema,
} from './schemas.ts';

const params = z.object({ partner_id: partnerIdSchema });
const refusals = [...staffProblems, 'partner.unknown'] as const;

/** Where a partner is told, what became of it, and telling it once more. */
export function webhookStaffRoutes(context: CloudContext, staff: StaffGate): FastifyPluginCallbackZod {
  const ofBoth = async (partnerId: string) => {
    await findPartner(context.db, partnerId);
    return { partnerId, environment: null };
  };
  return (app, _options, done) => {
    app.get('/staff/v1/partners/:partner_id/webhook-endpoints', {
      ...staff.reads('partners.read'),
      schema: {
        tags: staffTags,
        summary: 'Where a partner is told, and since when it fails',
        params,
        response: {
          200: z.object({
            endpoints: z.array(endpointSchema.extend({ environment: z.string() }).meta({ id: 'PartnerEndpoint' })),
          }),
          ...problems(...refusals),
        },
      },
      handler: async (request) => {
        const rows = await ownEndpoints(context.db, await ofBoth(request.params.partner_id)).execute();
        const nowMs = context.clock.wallMs();
        return { endpoints: rows.map((row) => ({ ...endpointView(row, nowMs), environment: row.environment })) };
      },
    });

    app.get('/staff/v1/partners/:partner_id/webhook-deliveries', {
      ...staff.reads('partners.read'),
      schema: {
        tags: staffTags,
        summary: 'What a partner was told, newest first',
        params,
        querystring: deliveryQuerySchema,
        response: { 200: deliveryPageSchema, ...problems(...refusals) },
      },
      handler: async (request) => listDeliveries(context.db, await ofBoth(request.params.partner_id), request.query),
    });

    app.get('/staff/v1/partners/:partner_id/webhook-deliveries/:delivery_id', {
      ...staff.reads('partners.read'),
      schema: {
        tags: staffTags,
        summary: 'One delivery, with its attempts',
        params: params.extend(deliveryParams.shape),
        response: { 200: deliveryDetailSchema, ...problems(...refusals, 'webhook.delivery_unknown') },
      },
      handler: async (request) =>
        oneDelivery(context.db, await ofBoth(request.params.partner_id), request.params.delivery_id),
    });

    app.post('/staff/v1/partners/:partner_id/webhook-replays', {
      ...staff.does('webhook.replay'),
      schema: {
        tags: staffTags,
        summary: 'Tell a partner once more',
        description: 'As the partner can do it; request ids of staff are not those of the partner.',
        params,
        body: staffReplaySchema,
        response: {
          202: replayedSchema,
          ...problems(
            ...refusals,
            'request_id.reused',
            'webhook.unknown',
            'webhook.event_unknown',
            'webhook.disabled',
            'webhook.replay_busy',
          ),
        },
      },
      handler: async (request, reply) => {
        const { partner_id: partnerId } = request.params;
        await findPartner(context.db, partnerId);
        const { environment, ...wish } = request.body;
        const db = staff.recording(request, { kind: 'partner', id: partnerId }, request.body);
        const own = { ...wish, request_id: `staff ${wish.request_id}` };
        return reply.status(202).send(await replayEvents({ ...context, db }, { partnerId, environment }, own));
      },
    });
    done();
  };
}
