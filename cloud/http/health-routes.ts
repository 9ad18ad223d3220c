import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';

const tags = ['health'];

/** Is the process alive; can it do its work. */
export function healthRoutes(isReady: () => Promise<boolean>): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/healthz', { schema: { tags, response: { 200: z.object({ alive: z.literal(true) }) } } }, () => ({
      alive: true as const,
    }));
    const readySchema = z.object({ ready: z.boolean() });
    app.get(
      '/readyz',
      { schema: { tags, response: { 200: readySchema, 503: readySchema } } },
      async (_request, reply) => {
        const ready = await isReady();
        return reply.status(ready ? 200 : 503).send({ ready });
      },
    );
    done();
  };
}
