import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { claimAnswerSchema, claimRequestSchema } from '#shared/wire/credentials.ts';
import type { CloudContext } from '../context.ts';
import { problems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import { type FailureLimit, withinFailures } from '../limits/failure-limit.ts';
import { redeemClaim } from './claims.ts';

/** Of one address, which many boxes may share. */
const LIMIT: FailureLimit = { door: 'claims', policy: { perMinute: 20, burst: 20 }, code: 'claim.too_many' };

/** The one door that a site has over HTTP, before it has anything to log in with. */
export function claimRoutes(context: CloudContext): FastifyPluginCallbackZod {
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
      handler: (request) => withinFailures(context, LIMIT, request.ip, () => redeemClaim(context, request.body)),
    });
    done();
  };
}
