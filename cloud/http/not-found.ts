import type { FastifyInstance } from 'fastify';
import { sendProblem } from './error-handler.ts';

interface KnownRoute {
  readonly method: string;
  readonly pattern: RegExp;
}

const patternOf = (url: string): RegExp =>
  new RegExp(
    `^${url
      .replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll(/:[A-Za-z_]+/g, '[^/]+')
      .replaceAll('*', '.*')}$`,
  );

/** Tells an address that does not exist from one that exists for another method. */
export function answerUnknownRoutes(app: FastifyInstance): void {
  const known: KnownRoute[] = [];
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) known.push({ method, pattern: patternOf(route.url) });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const methods = [...new Set(known.filter((route) => route.pattern.test(path)).map((route) => route.method))];
    if (methods.length === 0) return sendProblem(reply, { code: 'request.not_found', detail: path.slice(0, 200) });
    reply.header('allow', methods.join(', '));
    return sendProblem(reply, { code: 'request.method', detail: `${request.method}; allowed: ${methods.join(', ')}` });
  });
}
