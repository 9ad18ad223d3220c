import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Clock } from '#shared/clock.ts';
import { createEdgeMetrics, type LedgerLook } from './edge-metrics.ts';
import { type FieldFigures, watchDelay } from './field-figures.ts';
import { type EdgeReadiness, readinessOf } from './readiness.ts';

/** Where metrics are told: an address that only Prometheus reaches. */
export interface MetricsAddress {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
}

export interface MetricsDoor {
  committed(tookMs: number): void;
  field(figures: FieldFigures): void;
  close(): void;
}

export type OpenMetrics = (look: () => Omit<LedgerLook, 'delay'>) => MetricsDoor;

interface DoorParts {
  readonly at: MetricsAddress;
  readonly clock: Pick<Clock, 'monoMs'>;
  readonly log: Logger;
}

/** A scrape has no body, and comes at once. */
const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Answers `/metrics`, `/healthz` and `/readyz`, on the ledger thread: the field thread tells its figures by itself, so no scrape is ever
 * waited for by it. Nobody is asked who they are.
 */
export const metricsOpener =
  ({ at, clock, log }: DoorParts): OpenMetrics =>
  (look) => {
    const metrics = createEdgeMetrics();
    const delay = watchDelay();
    let toldMonoMs: number | null = null;
    const ready = (): EdgeReadiness => {
      const { storage, sync } = look();
      return readinessOf({
        storage,
        link: sync?.link ?? null,
        fieldAgeMs: toldMonoMs === null ? null : clock.monoMs() - toldMonoMs,
      });
    };
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      const path = request.url?.split('?')[0];
      if (request.method !== 'GET' && request.method !== 'HEAD') return tell(response, 405, 'GET it\n');
      if (path === '/healthz') return tell(response, 200, '{"alive":true}\n', 'application/json');
      if (path === '/readyz') {
        const told = ready();
        return tell(response, told.ready ? 200 : 503, `${JSON.stringify(told)}\n`, 'application/json');
      }
      if (path !== '/metrics') return tell(response, 404, 'only /metrics, /healthz and /readyz are here\n');
      metrics.tell({ ...look(), delay: delay.take() }).then(
        ({ text, contentType }) => tell(response, 200, text, contentType),
        (error: unknown) => {
          log.error({ err: error }, 'metrics cannot be told');
          tell(response, 500, 'metrics cannot be told\n');
        },
      );
    });
    // Charging goes on without anybody looking.
    server.on('error', (error) => log.error({ err: error, ...at }, 'metrics are told nowhere'));
    server.listen(at.port, at.host, () => log.info({ url: urlOf(server, at.host) }, 'metrics are told'));
    return {
      committed: metrics.committed,
      field(figures) {
        toldMonoMs = clock.monoMs();
        metrics.field(figures);
      },
      close() {
        server.close();
        server.closeAllConnections();
        delay.close();
      },
    };
  };

function urlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}/metrics`;
}

function tell(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type }).end(text);
}
