import type { FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { requestIdSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { problems, signedProblems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import { takeFromBucket } from '../limits/rate-buckets.ts';
import type { RatePolicy } from '../limits/rate-policy.ts';
import { nameOnce } from './first-answers.ts';
import type { PartnerGate } from './gate.ts';
import { changeKey, type KeyName, rotateKey } from './key-lifecycle.ts';
import { listKeys, rotatedKeyView } from './key-view.ts';
import { recordingPartner } from './recording.ts';
import { keyIdSchema, keySchema, reasonSchema, rotatedKeySchema, rotationSchema } from './schemas.ts';

const tags = ['keys'];
const params = z.object({ key_id: keyIdSchema });
const namedRotationSchema = rotationSchema.extend({
  request_id: requestIdSchema.optional().describe('stays with this request: with another one it is refused'),
});
/** Of a partner: keys that have ended stay on its list, and on the record. */
const ROTATIONS: RatePolicy = { perMinute: 0.1, burst: 40 };
const refusals = problems(...signedProblems, 'key.unknown', 'key.state');

/** What a partner may do with its own keys. It cannot widen any of them, nor bring one back. */
export function keyRoutes(context: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  const preValidation = [gate.requires('keys'), parseJsonBody];

  /** A key of whoever signed, in the environment of the key that signed. */
  const nameOf = (request: FastifyRequest, keyId: string): KeyName => {
    const { partnerId, environment } = gate.callerOf(request);
    return { partnerId, keyId, environment };
  };
  const recording = (request: FastifyRequest, action: string, keyId: string, detail: object) => {
    const caller = gate.callerOf(request);
    const subject = { kind: 'partner-key', id: keyId };
    const deed = { actorId: caller.partnerId, action, subject, detail: { signed_with: caller.keyId, ...detail } };
    return { ...context, db: recordingPartner(context, request, deed) };
  };

  return (app, _options, done) => {
    app.get('/v1/keys', {
      preValidation,
      schema: {
        tags,
        summary: 'Your keys, with their last use',
        response: { 200: z.object({ keys: z.array(keySchema) }), ...problems(...signedProblems) },
      },
      handler: async (request) => {
        const { partnerId, environment } = gate.callerOf(request);
        return { keys: await listKeys(context, partnerId, environment) };
      },
    });

    app.post('/v1/keys/:key_id/rotate', {
      preValidation,
      schema: {
        tags,
        summary: 'Replace a key by one with the same rights',
        description:
          'The secret is in this answer and nowhere else. If the answer is lost, repeat it within the overlap: the key that nobody has used is revoked, and another takes its place.',
        params,
        body: namedRotationSchema,
        response: {
          201: rotatedKeySchema,
          ...problems(...signedProblems, 'request_id.reused', 'key.unknown', 'key.state'),
        },
      },
      handler: async (request, reply) => {
        const { key_id: keyId } = request.params;
        const action = 'partner_key.rotate';
        const asked = { ...request.params, ...request.body };
        const write = { caller: gate.callerOf(request), action, requestId: request.body.request_id, asked };
        const recorded = recording(request, action, keyId, request.body);
        const subject = `partner:${write.caller.partnerId}`;
        const room = await takeFromBucket(context.db, subject, 'rotations', ROTATIONS, context.clock.wallMs());
        if (!room.isAllowed)
          throw new PilegateError('request.too_many', `wait ${room.waitS} s before another rotation`, {
            retryAfterS: room.waitS,
          });
        // A key's secret is said once: whoever has got hold of the former key must not be able to ask for the next one as well unseen.
        const made = await nameOnce(context, write, keyId, () =>
          rotateKey(recorded, nameOf(request, keyId), request.body.overlap_s * 1000),
        );
        return reply.status(201).send(rotatedKeyView(keyId, made));
      },
    });

    app.post('/v1/keys/:key_id/disable', {
      preValidation,
      schema: {
        tags,
        summary: 'Disable a key at once',
        description: 'As when its secret has become known. Only staff can enable it again.',
        params,
        body: z.strictObject({ reason: reasonSchema }),
        response: { 204: z.undefined().describe('disabled'), ...refusals },
      },
      handler: async (request, reply) => {
        const { key_id: keyId } = request.params;
        const { reason } = request.body;
        const recorded = recording(request, 'partner_key.disable', keyId, { reason });
        await changeKey(recorded, nameOf(request, keyId), 'disable', reason);
        return reply.status(204).send();
      },
    });
    done();
  };
}
