import { createServer, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';

export interface MetricsListener {
  readonly url: string;
  close(): Promise<void>;
}

/** A scrape has no body, and comes at once. */
const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Answers `GET /metrics` on a port of its own: never on the one that partners reach. It asks nobody who they are; whoever can
 * reach it may read it, so it belongs on an address that only Prometheus reaches. Nothing in it names a person, partner or order.
 *
 * @param refresh brings the gauges up to date; scrapes that come while it runs share its answer
 */
export async function listenForScrapes(
  registry: Registry,
  refresh: () => Promise<void>,
  at: { readonly host: string; readonly port: number },
  logger: Logger,
): Promise<MetricsListener> {
  let underWay: Promise<string> | null = null;
  const scrape = (): Promise<string> => {
    underWay ??= refresh()
      .then(() => registry.metrics())
      .finally(() => {
        underWay = null;
      });
    return underWay;
  };
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    if (request.url?.split('?')[0] !== '/metrics') return tell(response, 404, 'only /metrics is here\n');
    if (request.method !== 'GET' && request.method !== 'HEAD') return tell(response, 405, 'GET it\n');
    scrape().then(
      (text) => tell(response, 200, text, registry.contentType),
      (error: unknown) => {
        logger.error({ err: error }, 'metrics cannot be told');
        tell(response, 500, 'metrics cannot be told\n');
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : at.port;
  return {
    url: `http://${at.host.includes(':') ? `[${at.host}]` : at.host}:${port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function tell(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type }).end(text);
}
