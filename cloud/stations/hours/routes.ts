import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { siteIdSchema, uuidSchema } from '#shared/ids.ts';
import type { CloudContext } from '../../context.ts';
import { cacheable, notModified, REVALIDATED } from '../../http/cacheable.ts';
import { decodeCursor, pageFields, pageOf, pageQuerySchema, placeOf } from '../../http/cursor.ts';
import { problems, signedProblems } from '../../http/problem.ts';
import { parseJsonBody } from '../../http/raw-body.ts';
import type { PartnerGate } from '../../partners/gate.ts';
import { mayUse } from '../../partners/terms/visible.ts';
import { windowView } from './closures.ts';
import { maintenanceWindowSchema } from './schemas.ts';

const querySchema = pageQuerySchema.extend({
  site_id: siteIdSchema.optional(),
  from: z.iso.datetime({ offset: true }).optional().describe('what is over by then is left out; left out itself: now'),
  until: z.iso.datetime({ offset: true }).optional().describe('what begins then or later is left out'),
});

/** Planned maintenance at the stations that a partner may use. */
export function maintenanceWindowRoutes(context: CloudContext, gate: PartnerGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/v1/maintenance-windows', {
      preValidation: [gate.requires('read'), parseJsonBody],
      onSend: cacheable(REVALIDATED),
      schema: {
        tags: ['stations'],
        summary: 'Planned maintenance by time, the next one first',
        description: 'What is cancelled is not in it. In such a time nothing is started there; what runs goes on.',
        querystring: querySchema,
        response: {
          200: z.object({ windows: z.array(maintenanceWindowSchema), ...pageFields }),
          ...notModified,
          ...problems(...signedProblems),
        },
      },
      handler: async (request) => {
        const { cursor, limit, site_id: siteId, from, until } = request.query;
        const after = cursor === undefined ? null : decodeCursor(cursor, uuidSchema);
        const found = await context.db
          .selectFrom('maintenance_windows as window')
          .innerJoin('sites', 'sites.site_id', 'window.site_id')
          .selectAll('window')
          .where(mayUse(gate.callerOf(request)))
          .where('cancelled_at_ms', 'is', null)
          .where('until_ms', '>', from === undefined ? context.clock.wallMs() : Date.parse(from))
          .$if(until !== undefined, (query) => query.where('from_ms', '<', Date.parse(until ?? '')))
          .$if(siteId !== undefined, (query) => query.where('window.site_id', '=', siteId ?? ''))
          .$if(after !== null, (query) =>
            query.where((where) =>
              where(where.refTuple('from_ms', 'window_id'), '>', where.tuple(after?.atMs ?? 0, after?.id ?? '')),
            ),
          )
          .orderBy('from_ms')
          .orderBy('window_id')
          .limit(limit + 1)
          .execute();
        const page = pageOf(found, { after, limit, fromMs: 0, toMs: 0 }, (row) => ({
          atMs: row.from_ms,
          id: row.window_id,
        }));
        return { windows: page.rows.map(windowView), ...placeOf(page) };
      },
    });
    done();
  };
}
