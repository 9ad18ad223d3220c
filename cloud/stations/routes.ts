import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { connectorIdSchema, pileIdSchema, siteIdSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { cacheable, notModified, REVALIDATED } from '../http/cacheable.ts';
import { pageFields } from '../http/cursor.ts';
import { problems, signedProblems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import type { PartnerGate } from '../partners/gate.ts';
import { placeOfReading, readingOf, readingQuerySchema } from './changes.ts';
import { findPile, listPiles } from './piles.ts';
import { connectorFactsSchema, connectorSchema, pileSchema, stationFactsSchema, stationSchema } from './schemas.ts';
import { connectorKinds } from './tables.ts';
import { findConnector, findStation, listConnectors, listStations } from './view.ts';

const tags = ['stations'];

/** How every list by change time is read. */
export const BY_CHANGE =
  'Oldest change first. Follow `next_cursor`: nothing is missed while things change; what changes again appears again, and what had just changed when a list ended comes once more in the next. What was withdrawn stays in the list with `withdrawn_at`.';

const filterSchema = readingQuerySchema.extend({
  site_id: siteIdSchema.optional(),
  kind: z.enum(connectorKinds).optional(),
});
const filterOf = ({ site_id: siteId, kind }: z.infer<typeof filterSchema>) => ({
  siteId: siteId ?? null,
  kind: kind ?? null,
});
const pileKeySchema = z
  .string()
  .refine((key) => key.split('/').length === 2 && key.split('/').every((part) => siteIdSchema.safeParse(part).success));

/** Stations, piles and connectors. */
export function stationRoutes(context: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  const parts = { preValidation: [gate.requires('read'), parseJsonBody], onSend: cacheable(REVALIDATED) };
  const { db, clock } = context;
  return (app, _options, done) => {
    app.get('/v1/stations', {
      ...parts,
      schema: {
        tags,
        summary: 'Stations by change time',
        description: BY_CHANGE,
        querystring: readingQuerySchema,
        response: {
          200: z.object({ stations: z.array(stationFactsSchema), ...pageFields }),
          ...notModified,
          ...problems(...signedProblems),
        },
      },
      handler: async (request) => {
        const range = readingOf(request.query, siteIdSchema);
        const page = await listStations(db, gate.callerOf(request), range, clock.wallMs());
        return { stations: [...page.rows], ...placeOfReading(page) };
      },
    });

    app.get('/v1/stations/:site_id', {
      ...parts,
      schema: {
        tags,
        summary: 'One station, with its connectors as they are known now',
        params: z.object({ site_id: siteIdSchema }),
        response: { 200: stationSchema, ...notModified, ...problems(...signedProblems, 'station.unknown') },
      },
      handler: async (request) => {
        const { site_id: siteId } = request.params;
        const station = await findStation(db, siteId, gate.callerOf(request), clock.wallMs());
        if (station === null) throw new PilegateError('station.unknown', `no station ${siteId}`);
        return station;
      },
    });

    app.get('/v1/piles', {
      ...parts,
      schema: {
        tags,
        summary: 'Piles by change time',
        description: BY_CHANGE,
        querystring: filterSchema,
        response: {
          200: z.object({ piles: z.array(pileSchema), ...pageFields }),
          ...notModified,
          ...problems(...signedProblems),
        },
      },
      handler: async (request) => {
        const range = readingOf(request.query, pileKeySchema);
        const page = await listPiles(db, gate.callerOf(request), filterOf(request.query), range, clock.wallMs());
        return { piles: [...page.rows], ...placeOfReading(page) };
      },
    });

    app.get('/v1/stations/:site_id/piles/:pile_id', {
      ...parts,
      schema: {
        tags,
        summary: 'One pile',
        params: z.object({ site_id: siteIdSchema, pile_id: pileIdSchema }),
        response: { 200: pileSchema, ...notModified, ...problems(...signedProblems, 'pile.unknown') },
      },
      handler: async (request) => {
        const { site_id: siteId, pile_id: pileId } = request.params;
        const pile = await findPile(db, gate.callerOf(request), siteId, pileId);
        if (pile === null) throw new PilegateError('pile.unknown', `no pile ${pileId} at a station ${siteId}`);
        return pile;
      },
    });

    app.get('/v1/connectors', {
      ...parts,
      schema: {
        tags,
        summary: 'Connectors by change time',
        description: `${BY_CHANGE} Their status is told by \`/v1/connector-status\`, webhooks and the stream.`,
        querystring: filterSchema,
        response: {
          200: z.object({ connectors: z.array(connectorFactsSchema), ...pageFields }),
          ...notModified,
          ...problems(...signedProblems),
        },
      },
      handler: async (request) => {
        const range = readingOf(request.query, connectorIdSchema);
        const page = await listConnectors(db, gate.callerOf(request), filterOf(request.query), range, clock.wallMs());
        return { connectors: [...page.rows], ...placeOfReading(page) };
      },
    });

    app.get('/v1/connectors/:connector_id', {
      ...parts,
      schema: {
        tags,
        summary: 'One connector as it is known now',
        params: z.object({ connector_id: connectorIdSchema }),
        response: { 200: connectorSchema, ...notModified, ...problems(...signedProblems, 'connector.unknown') },
      },
      handler: async (request) => {
        const { connector_id: connectorId } = request.params;
        const connector = await findConnector(db, connectorId, gate.callerOf(request), clock.wallMs());
        if (connector === null) throw new PilegateError('connector.unknown', `no connector ${connectorId}`);
        return connector;
      },
    });
    done();
  };
}
