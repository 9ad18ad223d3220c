import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { connectorIdSchema, siteIdSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { decodeCursor, encodeCursor, pageQuerySchema } from '../http/cursor.ts';
import { problems, signedProblems } from '../http/problem.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import type { PartnerGate } from '../partners/gate.ts';
import { ownPrices } from '../partners/terms/tariff-for.ts';
import { mayUse } from '../partners/terms/visible.ts';
import { connectorSchema, stationSchema } from './schemas.ts';
import { findConnector, stationView } from './view.ts';

const tags = ['stations'];

/** Stations, connectors and their live status. */
export function stationRoutes(context: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  const preValidation = [gate.requires('read'), parseJsonBody];
  return (app, _options, done) => {
    app.get('/v1/stations', {
      preValidation,
      schema: {
        tags,
        summary: 'Stations by change time',
        querystring: pageQuerySchema,
        response: {
          200: z.object({
            stations: z.array(stationSchema),
            next_cursor: z.string().nullable(),
            has_more: z.boolean(),
          }),
          ...problems(...signedProblems),
        },
      },
      handler: async (request) => {
        const { cursor, limit } = request.query;
        const after = cursor === undefined ? null : decodeCursor(cursor, siteIdSchema);
        const caller = gate.callerOf(request);
        const rows = await context.db
          .selectFrom('sites')
          .selectAll()
          .where(mayUse(caller))
          .$if(after !== null, (query) =>
            query.where((where) =>
              where(where.refTuple('updated_at_ms', 'site_id'), '>', where.tuple(after?.atMs ?? 0, after?.id ?? '')),
            ),
          )
          .orderBy('updated_at_ms')
          .orderBy('site_id')
          .limit(limit + 1)
          .execute();
        const nowMs = context.clock.wallMs();
        const own = await ownPrices(context.db, caller);
        const stations = [];
        for (const row of rows.slice(0, limit)) stations.push(await stationView(context.db, row, own, nowMs));
        const last = rows.slice(0, limit).at(-1);
        const next = last === undefined ? after : { atMs: last.updated_at_ms, id: last.site_id };
        return { stations, next_cursor: next === null ? null : encodeCursor(next), has_more: rows.length > limit };
      },
    });

    app.get('/v1/stations/:site_id', {
      preValidation,
      schema: {
        tags,
        summary: 'One station',
        params: z.object({ site_id: siteIdSchema }),
        response: { 200: stationSchema, ...problems(...signedProblems, 'station.unknown') },
      },
      handler: async (request) => {
        const { site_id: siteId } = request.params;
        const caller = gate.callerOf(request);
        const row = await context.db
          .selectFrom('sites')
          .selectAll()
          .where('site_id', '=', siteId)
          .where(mayUse(caller))
          .executeTakeFirst();
        if (row === undefined) throw new PilegateError('station.unknown', `no station ${siteId}`);
        return stationView(context.db, row, await ownPrices(context.db, caller, siteId), context.clock.wallMs());
      },
    });

    app.get('/v1/connectors/:connector_id', {
      preValidation,
      schema: {
        tags,
        summary: 'One connector',
        params: z.object({ connector_id: connectorIdSchema }),
        response: { 200: connectorSchema, ...problems(...signedProblems, 'connector.unknown') },
      },
      handler: async (request) => {
        const { connector_id: connectorId } = request.params;
        const connector = await findConnector(context.db, connectorId, gate.callerOf(request), context.clock.wallMs());
        if (connector === null) throw new PilegateError('connector.unknown', `no connector ${connectorId}`);
        return connector;
      },
    });
    done();
  };
}
