import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { isPilegateError, PilegateError } from '#shared/errors.ts';
import { claimAnswerSchema, claimRequestSchema } from '#shared/wire/credentials.ts';
import type { CloudContext } from '../context.ts';
import { createAttemptLimit } from '../http/attempt-limit.ts';
import { problems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import { redeemClaim } from './claims.ts';

const FAILURES = 20;
const WINDOW_MS = 60_000;

/** The one door that a site has over HTTP, before it has anything to log in with. */
export function claimRoutes(context: CloudContext): FastifyPluginCallbackZod {
  const limit = createAttemptLimit(context.clock, FAILURES, WINDOW_MS);
  return (app, _options, done) => {
    app.post('/site/v1/claims', {
      preValidation: [parseJsonBody],
      schema: {
        tags: ['sites'],
        summary: 'Exchange a one-time claim code for a credential',
        description:
          'Called by a site controller. The secret is made on site: what comes here is the digest of a password, or a certificate request. ' +
          'The same exchange may be repeated until the answer has arrived; any other use of the code is refused and told to staff.',
        body: claimRequestSchema,
        response: {
          200: claimAnswerSchema.meta({ id: 'ClaimAnswer' }),
          ...problems(
            'request.invalid',
            'request.not_json',
            'claim.unknown',
            'claim.used',
            'claim.expired',
            'claim.too_many',
            'credential.kind',
            'credential.refused',
          ),
        },
      },
      handler: async (request, reply) => {
        const waitMs = limit.waitMs(request.ip);
        if (waitMs !== null) {
          const waitS = Math.ceil(waitMs / 1000);
          reply.header('retry-after', String(waitS));
          throw new PilegateError('claim.too_many', `wait ${waitS} s`);
        }
        try {
          return await redeemClaim(context, request.body);
        } catch (error) {
          if (isPilegateError(error)) limit.failed(request.ip);
          throw error;
        }
      },
    });
    done();
  };
}
