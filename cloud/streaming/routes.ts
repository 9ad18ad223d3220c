import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { siteIdSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { problems, signedProblems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import type { PartnerGate } from '../partners/gate.ts';
import type { StreamHub } from './hub.ts';
import { closeCodes, positionSchema, streamMessageSchema } from './messages.ts';
import { takePlace } from './places.ts';

/** Nothing is expected to come. */
const MOST_BYTES_IN = 1_024;

const querySchema = z.strictObject({
  after: positionSchema.optional().describe('the last position that you have seen; left out: a snapshot comes first'),
  site_id: siteIdSchema.optional().describe('only this station'),
});

const DESCRIPTION = `A WebSocket. The upgrade request is signed as every request is. Each message is a JSON text of the form shown here: a snapshot (or, with \`after\`, none), then
changes in their order, and heartbeats; with a key with which orders may be read, also how the charges that run get on. See the partner guide for how to resume, and for the codes with which it is closed.`;

/**
 * Lets WebSockets in, before any route is made: an upgrade that is asked for of another one is refused. The hub ends its streams before the
 * server closes.
 */
export async function acceptWebSockets(app: FastifyInstance, hub: StreamHub, logger: Logger): Promise<void> {
  await app.register(websocket, {
    options: { maxPayload: MOST_BYTES_IN, perMessageDeflate: false },
    preClose(done) {
      hub.stop().then(() => app.websocketServer.close(() => done()), done);
    },
    errorHandler: (error, socket) => {
      logger.warn({ err: error }, 'a WebSocket breaks');
      socket.close(closeCodes.failed, 'connect again, and resume');
    },
  });
}

/** Status changes as they happen. */
export function streamRoutes(context: CloudContext, gate: PartnerGate, hub: StreamHub): FastifyPluginCallbackZod {
  const places = new WeakMap<FastifyRequest, string>();
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/status-stream',
      preValidation: [gate.requires('read'), parseJsonBody],
      schema: {
        tags: ['stations'],
        summary: 'Status changes as they happen, by WebSocket',
        description: DESCRIPTION,
        querystring: querySchema,
        response: { 101: streamMessageSchema, ...problems(...signedProblems, 'stream.too_many') },
      },
      async preHandler(request) {
        if (!request.ws) throw new PilegateError('request.invalid', 'this is a WebSocket: send an upgrade request');
        places.set(request, await takePlace(context, gate.callerOf(request), context.settings.streamsPerKey));
      },
      handler: () => Promise.reject(new PilegateError('request.invalid', 'this is a WebSocket')),
      async wsHandler(socket, request) {
        const { after, site_id: siteId = null } = querySchema.parse(request.query);
        const streamId = places.get(request);
        if (streamId === undefined) throw new Error('a stream has no place');
        const from = { caller: gate.callerOf(request), address: request.ip };
        await hub.open({ streamId, socket, ...from, siteId, after: after === undefined ? null : Number(after) });
      },
    });
    done();
  };
}
