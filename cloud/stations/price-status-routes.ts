import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { connectorIdSchema, siteIdSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { cacheable, FOR_GOOD, MOMENTARY, notModified, REVALIDATED } from '../http/cacheable.ts';
import { pageFields } from '../http/cursor.ts';
import { problems, signedProblems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import { tariffViewSchema } from '../orders/schemas.ts';
import { tariffView } from '../orders/tariff-view.ts';
import type { PartnerGate } from '../partners/gate.ts';
import { placeOfReading, readingOf, readingQuerySchema } from './changes.ts';
import { BY_CHANGE } from './routes.ts';
import { connectorStatusSchema } from './schemas.ts';
import { listStatus } from './status.ts';
import { findTariff, listPrices, priceListSchema } from './tariff-list.ts';

const tags = ['stations'];
const MOST_STATUSES = 500;

/** `A1,A2`. */
const idListSchema = z
  .string()
  .transform((text) => text.split(','))
  .pipe(z.array(connectorIdSchema).min(1).max(MOST_STATUSES));

const statusQuerySchema = z.strictObject({
  site_id: siteIdSchema.optional(),
  connector_id: idListSchema.optional().describe(`ids, separated by commas; at most ${MOST_STATUSES}, and 15 KiB`),
  after: connectorIdSchema.optional().describe('`next_after` of the page before'),
  limit: z.coerce.number().int().min(1).max(MOST_STATUSES).default(MOST_STATUSES),
});

/** What charging costs, and whether it can be had. */
export function priceAndStatusRoutes({ db, clock }: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  const preValidation = [gate.requires('read'), parseJsonBody];
  return (app, _options, done) => {
    app.get('/v1/price-lists', {
      preValidation,
      onSend: cacheable(REVALIDATED),
      schema: {
        tags,
        summary: 'What you pay where and when, by change time',
        description: `${BY_CHANGE} A price that begins later is in the list as soon as it is put; what was replaced has \`replaced_at\`.`,
        querystring: readingQuerySchema.extend({ site_id: siteIdSchema.optional() }),
        response: {
          200: z.object({ price_lists: z.array(priceListSchema), ...pageFields }),
          ...notModified,
          ...problems(...signedProblems),
        },
      },
      handler: async (request) => {
        const { site_id: siteId = null } = request.query;
        const range = readingOf(request.query, z.string().regex(/^[sp]\d{15}$/));
        const page = await listPrices(db, gate.callerOf(request), siteId, range, clock.wallMs());
        return { price_lists: [...page.rows], ...placeOfReading(page) };
      },
    });

    app.get('/v1/tariffs/:tariff_id/versions/:version', {
      preValidation,
      onSend: cacheable(FOR_GOOD),
      schema: {
        tags,
        summary: 'One version of a tariff, which never changes',
        params: z.object({
          tariff_id: z.string().min(1).max(64),
          version: z.coerce.number().int().min(1).max(2_147_483_647),
        }),
        response: { 200: tariffViewSchema, ...notModified, ...problems(...signedProblems, 'tariff.unknown') },
      },
      handler: async (request) => {
        const { tariff_id: tariffId, version } = request.params;
        const tariff = await findTariff(db, gate.callerOf(request), tariffId, version);
        if (tariff === null) throw new PilegateError('tariff.unknown', `no version ${version} of tariff ${tariffId}`);
        return tariffView(tariff);
      },
    });

    app.get('/v1/connector-status', {
      preValidation,
      onSend: cacheable(MOMENTARY),
      schema: {
        tags,
        summary: 'The status of many connectors now',
        description:
          'Of a station, of a list, or of all that you may use, in the order of their ids. Ids that you may not use are left out. To follow changes, take webhooks or the stream.',
        querystring: statusQuerySchema,
        response: {
          200: z.object({
            statuses: z.array(connectorStatusSchema),
            next_after: z.string().nullable().describe('null: that was all'),
          }),
          ...notModified,
          ...problems(...signedProblems),
        },
      },
      handler: async (request) => {
        const { site_id: siteId = null, connector_id: connectorIds = null, after = null, limit } = request.query;
        const wish = { siteId, connectorIds, after, limit };
        const { statuses, next } = await listStatus(db, gate.callerOf(request), wish, clock.wallMs());
        return { statuses, next_after: next };
      },
    });
    done();
  };
}
