import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CloudContext } from '../context.ts';
import { problems, signedProblems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import type { PartnerGate } from '../partners/gate.ts';
import { listDeliveries } from './deliveries.ts';
import {
  createEndpoint,
  deleteEndpoint,
  endpointView,
  findEndpoint,
  ownEndpoints,
  sendTestEvent,
} from './endpoints.ts';
import {
  createdEndpointSchema,
  deliveryQuerySchema,
  deliverySchema,
  endpointIdSchema,
  endpointSchema,
  newEndpointSchema,
} from './schemas.ts';

const tags = ['webhooks'];
const paramsSchema = z.object({ endpoint_id: endpointIdSchema });

/** Where the partner wants to be told, and what became of it. */
export function webhookRoutes(context: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  const preValidation = [gate.requires('control'), parseJsonBody];
  return (app, _options, done) => {
    app.post('/v1/webhook-endpoints', {
      preValidation,
      schema: {
        tags,
        summary: 'Register an address',
        body: newEndpointSchema,
        response: {
          201: createdEndpointSchema,
          ...problems(...signedProblems, 'request.too_large', 'webhook.address_refused'),
        },
      },
      handler: async (request, reply) => {
        const { url, event_types: types } = request.body;
        const { row, secret } = await createEndpoint(context, gate.callerOf(request), {
          url,
          eventTypes: types ?? null,
        });
        return reply.status(201).send({ ...endpointView(row), secret });
      },
    });

    app.get('/v1/webhook-endpoints', {
      preValidation,
      schema: {
        tags,
        summary: 'Registered addresses',
        response: { 200: z.object({ endpoints: z.array(endpointSchema) }), ...problems(...signedProblems) },
      },
      handler: async (request) => {
        const rows = await ownEndpoints(context, gate.callerOf(request)).orderBy('created_at_ms').execute();
        return { endpoints: rows.map(endpointView) };
      },
    });

    app.delete('/v1/webhook-endpoints/:endpoint_id', {
      preValidation,
      schema: {
        tags,
        summary: 'Remove an address',
        params: paramsSchema,
        response: { 204: z.undefined().describe('removed'), ...problems(...signedProblems, 'webhook.unknown') },
      },
      handler: async (request, reply) => {
        await deleteEndpoint(context, await findEndpoint(context, gate.callerOf(request), request.params.endpoint_id));
        return reply.status(204).send();
      },
    });

    app.post('/v1/webhook-endpoints/:endpoint_id/test', {
      preValidation,
      schema: {
        tags,
        summary: 'Send a test event',
        params: paramsSchema,
        response: { 202: z.object({ event_id: z.string() }), ...problems(...signedProblems, 'webhook.unknown') },
      },
      handler: async (request, reply) => {
        const endpoint = await findEndpoint(context, gate.callerOf(request), request.params.endpoint_id);
        return reply.status(202).send({ event_id: await sendTestEvent(context, endpoint) });
      },
    });

    app.get('/v1/webhook-deliveries', {
      preValidation,
      schema: {
        tags,
        summary: 'What was sent, newest first',
        querystring: deliveryQuerySchema,
        response: { 200: z.object({ deliveries: z.array(deliverySchema) }), ...problems(...signedProblems) },
      },
      handler: async (request) => {
        const { order_id: orderId, limit } = request.query;
        return { deliveries: await listDeliveries(context.db, gate.callerOf(request), orderId ?? null, limit) };
      },
    });
    done();
  };
}
