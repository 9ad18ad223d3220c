import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type Readiness, readinessSchema } from '../readiness.ts';

const tags = ['health'];

/** Is the process alive; can it do its work. */
export function healthRoutes(readiness: () => Promise<Readiness>): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(
      '/healthz',
      { schema: { tags, summary: 'Is the process alive', response: { 200: z.object({ alive: z.literal(true) }) } } },
      () => ({ alive: true as const }),
    );
    app.get(
      '/readyz',
      { schema: { tags, summary: 'Can it do its work', response: { 200: readinessSchema, 503: readinessSchema } } },
      async (_request, reply) => {
        const told = await readiness();
        return reply.status(told.ready ? 200 : 503).send(told);
      },
    );
    done();
  };
}
