import Fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Readiness } from '../readiness.ts';
import { healthRoutes } from './health-routes.ts';

/** All that a process without the API answers: is it alive, can it do its work. */
export async function buildHealthApp(readiness: () => Promise<Readiness>): Promise<FastifyInstance> {
  const app = Fastify();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  await app.withTypeProvider<ZodTypeProvider>().register(healthRoutes(readiness));
  return app;
}
