import type { FastifyInstance } from 'fastify';

/** The page about the API has a policy of its own: it is made of scripts. */
const isPage = (url: string): boolean => url.startsWith('/docs');

/** Partners ask again with what they have; nobody on the way keeps what was signed for one of them. */
const cachingOf = (url: string): string => (url.startsWith('/v1/') ? 'private, no-cache' : 'no-store');

/**
 * What a browser that gets here by mistake, or by somebody's ill will, may do with an answer: nothing. There are no headers of CORS: no page
 * of another origin may read anything. That a name is reached by TLS alone (HSTS) is for who ends it in front.
 */
export function restrictBrowsers(app: FastifyInstance): void {
  app.addHook('onSend', (request, reply, _payload, done) => {
    reply.headers({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    });
    if (!isPage(request.url) && !reply.hasHeader('content-security-policy'))
      reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'; sandbox");
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', cachingOf(request.url));
    done();
  });
}
