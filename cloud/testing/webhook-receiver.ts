import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';

export interface ReceivedWebhook {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever was sent, and assert what they expect
  readonly body: any;
}

export interface WebhookReceiver {
  readonly hostPort: string;
  readonly url: string;
  readonly received: ReceivedWebhook[];
  /** How to answer from now on; default 204. */
  answer(how: (webhook: ReceivedWebhook, response: ServerResponse) => void): void;
  /** Resolves when a webhook that fits has come, also one of before. */
  waitFor(fits: (webhook: ReceivedWebhook) => boolean): Promise<ReceivedWebhook>;
  /** Breaks off what has no answer yet. */
  hangUp(): void;
  close(): Promise<void>;
}

const PATIENCE_MS = 15_000;

/** A partner's server on loopback that keeps what it is sent. */
export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const received: ReceivedWebhook[] = [];
  const wakers = new Set<() => void>();
  let how = (_webhook: ReceivedWebhook, response: ServerResponse): void => {
    response.writeHead(204).end();
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const webhook = { path: request.url ?? '', headers: request.headers, text, body: JSON.parse(text) };
      received.push(webhook);
      how(webhook, response);
      for (const wake of wakers) wake();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const hostPort = `127.0.0.1:${address.port}`;
  return {
    hostPort,
    url: `http://${hostPort}/hooks`,
    received,
    answer(next) {
      how = next;
    },
    waitFor(fits) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          wakers.delete(look);
          reject(new Error(`no such webhook within ${PATIENCE_MS} ms; ${received.length} came`));
        }, PATIENCE_MS);
        const look = (): void => {
          const webhook = received.find(fits);
          if (webhook === undefined) return;
          clearTimeout(timer);
          wakers.delete(look);
          resolve(webhook);
        };
        wakers.add(look);
        look();
      });
    },
    hangUp: () => server.closeAllConnections(),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
