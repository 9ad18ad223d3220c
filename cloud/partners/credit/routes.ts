import type { FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../../context.ts';
import { pageFields, pageQuerySchema, placeOf } from '../../http/cursor.ts';
import { problems, signedProblems } from '../../http/problem.ts';
import { parseJsonBody } from '../../http/raw-body.ts';
import type { PartnerGate } from '../gate.ts';
import { findAccount } from './accounts.ts';
import { listTransfers } from './pages.ts';
import { accountSchema, currencySchema, holdSchema, transferSchema } from './schemas.ts';
import { accountView, holdView, transferView } from './view.ts';

const tags = ['credit'];
const params = z.object({ currency: currencySchema });

/** What a partner has with the platform, in the environment of its key. */
export function creditRoutes(context: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  const preValidation = [gate.requires('settlement'), parseJsonBody];

  const page = async (
    request: FastifyRequest,
    currency: string,
    what: 'holds' | 'movements',
    query: z.infer<typeof pageQuerySchema>,
  ) => {
    const account = await findAccount(context.db, { ...gate.callerOf(request), currency });
    if (account === undefined) throw new PilegateError('credit.unknown', `no account in ${currency}`);
    return listTransfers(context.db, account.account_id, what, query, context.clock.wallMs());
  };

  return (app, _options, done) => {
    app.get('/v1/credit', {
      preValidation,
      schema: {
        tags,
        summary: 'What you have with the platform, by currency',
        response: { 200: z.object({ accounts: z.array(accountSchema) }), ...problems(...signedProblems) },
      },
      handler: async (request) => {
        const { partnerId, environment } = gate.callerOf(request);
        const rows = await context.db
          .selectFrom('credit_accounts')
          .selectAll()
          .where('partner_id', '=', partnerId)
          .where('environment', '=', environment)
          .orderBy('currency')
          .execute();
        return { accounts: rows.map(accountView) };
      },
    });

    app.get('/v1/credit/:currency/holds', {
      preValidation,
      schema: {
        tags,
        summary: 'What is held now, for charges that are not over',
        params,
        querystring: pageQuerySchema,
        response: {
          200: z.object({ holds: z.array(holdSchema), ...pageFields }),
          ...problems(...signedProblems, 'credit.unknown'),
        },
      },
      handler: async (request) => {
        const found = await page(request, request.params.currency, 'holds', request.query);
        return { holds: found.rows.map(holdView), ...placeOf(found) };
      },
    });

    app.get('/v1/credit/:currency/transfers', {
      preValidation,
      schema: {
        tags,
        summary: 'What was paid in, charged and put right, in order',
        params,
        querystring: pageQuerySchema,
        response: {
          200: z.object({ transfers: z.array(transferSchema), ...pageFields }),
          ...problems(...signedProblems, 'credit.unknown'),
        },
      },
      handler: async (request) => {
        const found = await page(request, request.params.currency, 'movements', request.query);
        return { transfers: found.rows.map(transferView), ...placeOf(found) };
      },
    });
    done();
  };
}
