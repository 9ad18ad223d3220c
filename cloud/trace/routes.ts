import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { requestIdSchema } from '#shared/ids.ts';
import type { CloudContext } from '../context.ts';
import { iso } from '../http/iso.ts';
import { problems } from '../http/problem.ts';
import type { StaffGate } from '../staff/gate.ts';
import { staffProblems, staffTags } from '../staff/routes.ts';
import { readTraces, type TraceRows } from './rows.ts';
import { storyOf, traceSources } from './story.ts';

const stepSchema = z.object({
  at: z.iso.datetime(),
  source: z.enum(traceSources),
  what: z.string(),
  request_id: z.string().nullable(),
  detail: z.record(z.string(), z.unknown()),
});

const traceSchema = z
  .object({
    partner_id: z.string().nullable(),
    environment: z.enum(['sandbox', 'live']),
    site_id: z.string().nullable(),
    connector_id: z.string().nullable(),
    order_id: z.string().nullable(),
    session_id: z.string().nullable(),
    request_ids: z.array(z.string()).describe('of all operations on the order: on site its steps are noted under each'),
    steps: z.array(stepSchema).describe('in order of time, as the clock of the cloud has it'),
    missing: z.array(z.string()).describe('what a whole story has and this one has not, or not yet'),
  })
  .meta({ id: 'Trace' });

/** The story of a request as the cloud knows it. What the site has noted of it comes with a diagnostics bundle. */
export function traceRoutes({ db }: Pick<CloudContext, 'db'>, staff: StaffGate): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/staff/v1/trace/:request_id', {
      ...staff.reads('orders.read'),
      schema: {
        tags: staffTags,
        summary: 'The story of one request',
        description:
          'Everything about each order that a request with this id was about, one for each partner that has used it. ' +
          'A request that was refused has left nothing: it is on the log alone.',
        params: z.object({ request_id: requestIdSchema }),
        response: {
          200: z.object({ request_id: z.string(), traces: z.array(traceSchema) }),
          ...problems(...staffProblems),
        },
      },
      handler: async (request) => {
        const { request_id: requestId } = request.params;
        return { request_id: requestId, traces: (await readTraces(db, requestId)).map(viewOf) };
      },
    });
    done();
  };
}

function viewOf(rows: TraceRows): z.infer<typeof traceSchema> {
  const { steps, missing } = storyOf(rows);
  return {
    partner_id: rows.partnerId,
    environment: rows.environment,
    site_id: rows.order?.site_id ?? null,
    connector_id: rows.order?.connector_id ?? null,
    order_id: rows.order?.order_id ?? null,
    session_id: rows.order?.session_id ?? null,
    request_ids: [...new Set(rows.operations.map((row) => row.request_id))],
    steps: steps.map(({ atMs, requestId, ...step }) => ({ at: iso(atMs), request_id: requestId, ...step })),
    missing: [...missing],
  };
}
