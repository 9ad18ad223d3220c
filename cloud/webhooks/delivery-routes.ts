import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CloudContext } from '../context.ts';
import { problems, signedProblems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import type { PartnerGate } from '../partners/gate.ts';
import { recordingPartner } from '../partners/recording.ts';
import { listDeliveries, oneDelivery } from './deliveries.ts';
import { eventTypes, ruleOfEvent } from './event-types.ts';
import { replayEvents } from './replay.ts';
import {
  deliveryDetailSchema,
  deliveryPageSchema,
  deliveryParams,
  deliveryQuerySchema,
  eventTypeSchema,
  replayedSchema,
  replaySchema,
} from './schemas.ts';

const tags = ['webhooks'];

/** What the partner can be told of, what became of it, and how to get it once more. */
export function deliveryRoutes(context: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  const preValidation = [gate.requires('control'), parseJsonBody];
  return (app, _options, done) => {
    app.get('/v1/webhook-event-types', {
      preValidation: [gate.requires('control', 'read'), parseJsonBody],
      schema: {
        tags,
        summary: 'What you can be told of',
        response: { 200: z.object({ event_types: z.array(eventTypeSchema) }), ...problems(...signedProblems) },
      },
      handler: () => ({
        event_types: eventTypes.map((type) => {
          const { description, onlyByName = false } = ruleOfEvent(type);
          return { type, description, only_by_name: onlyByName };
        }),
      }),
    });

    app.get('/v1/webhook-deliveries', {
      preValidation,
      schema: {
        tags,
        summary: 'What was sent, newest first',
        querystring: deliveryQuerySchema,
        response: { 200: deliveryPageSchema, ...problems(...signedProblems) },
      },
      handler: (request) => listDeliveries(context.db, gate.callerOf(request), request.query),
    });

    app.get('/v1/webhook-deliveries/:delivery_id', {
      preValidation,
      schema: {
        tags,
        summary: 'One delivery, with its attempts and what was sent',
        params: deliveryParams,
        response: { 200: deliveryDetailSchema, ...problems(...signedProblems, 'webhook.delivery_unknown') },
      },
      handler: (request) => oneDelivery(context.db, gate.callerOf(request), request.params.delivery_id),
    });

    app.post('/v1/webhook-replays', {
      preValidation,
      schema: {
        tags,
        summary: 'Send events once more',
        description:
          'One event by its id, or at one endpoint those of a range of time, with the `webhook-id` that they had. They come behind everything that waits, in the order in which they happened; one that is still pending is not sent twice. At most 1,000 a call, and 5,000 waiting.',
        body: replaySchema,
        response: {
          202: replayedSchema,
          ...problems(
            ...signedProblems,
            'request_id.reused',
            'webhook.unknown',
            'webhook.event_unknown',
            'webhook.disabled',
            'webhook.replay_busy',
          ),
        },
      },
      handler: async (request, reply) => {
        const caller = gate.callerOf(request);
        const db = recordingPartner(context, request, {
          actorId: caller.partnerId,
          action: 'webhook.replay',
          subject: { kind: 'partner', id: caller.partnerId },
          detail: { signed_with: caller.keyId, ...request.body },
        });
        return reply.status(202).send(await replayEvents({ ...context, db }, caller, request.body));
      },
    });
    done();
  };
}
