import type { FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CloudContext } from '../context.ts';
import { problems, signedProblems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import { doOnce } from '../partners/first-answers.ts';
import type { PartnerGate } from '../partners/gate.ts';
import { recordingPartner } from '../partners/recording.ts';
import {
  changeEndpoint,
  createEndpoint,
  deleteEndpoint,
  enableEndpoint,
  endpointView,
  findEndpoint,
  type MadeEndpoint,
  ownEndpoints,
  pauseEndpoint,
  rotateSecret,
  sendTestEvent,
} from './endpoints.ts';
import {
  createdEndpointSchema,
  endpointChangeSchema,
  endpointSchema,
  newEndpointSchema,
  endpointParams as params,
  rotationSchema,
  testSchema,
} from './schemas.ts';

const tags = ['webhooks'];
const unknown = problems(...signedProblems, 'webhook.unknown');
const testedSchema = z.object({ event_id: z.string() });
const answers = { 200: endpointSchema, ...unknown };

/** Where the partner wants to be told. */
export function webhookRoutes(context: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  const preValidation = [gate.requires('control'), parseJsonBody];
  const view = (row: Parameters<typeof endpointView>[0]) => endpointView(row, context.clock.wallMs());
  const shown = ({ row, secret }: MadeEndpoint) => ({ ...view(row), secret });

  /** Who asks and for which endpoint, with a database that writes it into the audit log. */
  const deed = (request: FastifyRequest, action: string, id: string, detail: object = {}) => {
    const caller = gate.callerOf(request);
    const subject = { kind: 'webhook-endpoint', id };
    const recorded = { actorId: caller.partnerId, action, subject, detail: { signed_with: caller.keyId, ...detail } };
    const db = recordingPartner(context, request, recorded);
    return { caller, recording: { ...context, db }, find: () => findEndpoint(context.db, caller, id) };
  };

  return (app, _options, done) => {
    app.post('/v1/webhook-endpoints', {
      preValidation,
      schema: {
        tags,
        summary: 'Register an address',
        body: newEndpointSchema,
        response: {
          201: createdEndpointSchema,
          ...problems(
            ...signedProblems,
            'request.too_large',
            'request_id.reused',
            'webhook.address_refused',
            'webhook.too_many',
            'webhook.unknown',
          ),
        },
      },
      handler: async (request, reply) => {
        const { request_id: requestId, url, event_types: types, description } = request.body;
        const { caller, recording } = deed(request, 'webhook.create', url, request.body);
        const wish = { url, eventTypes: types ?? null, description: description ?? null };
        const write = { caller, action: 'webhook.create', requestId, asked: request.body };
        const answer = await doOnce(context, write, createdEndpointSchema, (keep) =>
          createEndpoint(recording, caller, wish, (trx, made) => keep(trx, made.row.endpoint_id, shown(made))),
        );
        return reply.status(201).send(answer);
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
        const rows = await ownEndpoints(context.db, gate.callerOf(request)).execute();
        return { endpoints: rows.map(view) };
      },
    });

    app.get('/v1/webhook-endpoints/:endpoint_id', {
      preValidation,
      schema: { tags, summary: 'One address', params, response: answers },
      handler: async (request) =>
        view(await findEndpoint(context.db, gate.callerOf(request), request.params.endpoint_id)),
    });

    app.patch('/v1/webhook-endpoints/:endpoint_id', {
      preValidation,
      schema: {
        tags,
        summary: 'Change the address, the types or the description',
        description: 'What is waiting goes to the new address. Types count for events to come.',
        params,
        body: endpointChangeSchema,
        response: { 200: endpointSchema, ...problems(...signedProblems, 'webhook.unknown', 'webhook.address_refused') },
      },
      handler: async (request) => {
        const { url, event_types: eventTypes, description } = request.body;
        const { recording, find } = deed(request, 'webhook.change', request.params.endpoint_id, request.body);
        return view(await changeEndpoint(recording, await find(), { url, eventTypes, description }));
      },
    });

    app.delete('/v1/webhook-endpoints/:endpoint_id', {
      preValidation,
      schema: {
        tags,
        summary: 'Remove an address',
        params,
        response: { 204: z.undefined().describe('removed'), ...unknown },
      },
      handler: async (request, reply) => {
        const { recording, find } = deed(request, 'webhook.delete', request.params.endpoint_id);
        await deleteEndpoint(recording, await find());
        return reply.status(204).send();
      },
    });

    app.post('/v1/webhook-endpoints/:endpoint_id/rotate-secret', {
      preValidation,
      schema: {
        tags,
        summary: 'Get a new secret',
        description:
          'The secret is in this answer and nowhere else. Until the overlap is over `webhook-signature` has a signature of each secret, the newest first. If the answer is lost, ask once more: with the same request_id for the same secret.',
        params,
        body: rotationSchema,
        response: {
          201: createdEndpointSchema,
          ...problems(...signedProblems, 'request_id.reused', 'webhook.unknown'),
        },
      },
      handler: async (request, reply) => {
        const { endpoint_id: id } = request.params;
        const { request_id: requestId, overlap_s: overlapS } = request.body;
        const { caller, recording, find } = deed(request, 'webhook.rotate', id, request.body);
        const write = { caller, action: 'webhook.rotate', requestId, asked: { ...request.params, ...request.body } };
        const answer = await doOnce(context, write, createdEndpointSchema, async (keep) =>
          rotateSecret(recording, await find(), overlapS * 1000, (trx, made) => keep(trx, id, shown(made))),
        );
        return reply.status(201).send(answer);
      },
    });

    app.post('/v1/webhook-endpoints/:endpoint_id/pause', {
      preValidation,
      schema: {
        tags,
        summary: 'Send nothing there for now',
        description: 'What happens waits, for 14 days at most: then the endpoint is disabled.',
        params,
        response: { 200: endpointSchema, ...problems(...signedProblems, 'webhook.unknown', 'webhook.disabled') },
      },
      handler: async (request) => {
        const { recording, find } = deed(request, 'webhook.pause', request.params.endpoint_id);
        return view(await pauseEndpoint(recording, await find()));
      },
    });

    app.post('/v1/webhook-endpoints/:endpoint_id/enable', {
      preValidation,
      schema: {
        tags,
        summary: 'Send there again, after a pause or after it was disabled',
        description:
          'What a paused endpoint has waiting comes at once. What a disabled one has missed can be replayed.',
        params,
        response: { 200: endpointSchema, ...problems(...signedProblems, 'webhook.unknown', 'webhook.address_refused') },
      },
      handler: async (request) => {
        const { recording, find } = deed(request, 'webhook.enable', request.params.endpoint_id);
        return view(await enableEndpoint(recording, await find()));
      },
    });

    app.post('/v1/webhook-endpoints/:endpoint_id/test', {
      preValidation,
      schema: {
        tags,
        summary: 'Send a test event',
        params,
        body: testSchema,
        response: {
          202: testedSchema,
          ...problems(...signedProblems, 'request_id.reused', 'webhook.unknown', 'webhook.disabled'),
        },
      },
      handler: async (request, reply) => {
        const { endpoint_id: id } = request.params;
        const caller = gate.callerOf(request);
        const requestId = request.body?.request_id;
        const write = { caller, action: 'webhook.test', requestId, asked: request.params };
        const answer = await doOnce(context, write, testedSchema, async (keep) =>
          sendTestEvent(context, await findEndpoint(context.db, caller, id), (trx, eventId) =>
            keep(trx, id, { event_id: eventId }),
          ),
        );
        return reply.status(202).send(answer);
      },
    });
    done();
  };
}
