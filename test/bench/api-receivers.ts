import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Receivers of webhooks on ports of their own, in a process of their own. Started as `api-receivers.ts <how many> <how many of them are dead>`;
 * says their ports in one line of JSON. The dead ones are the last: they take what comes and never answer. At the message `tell` it says when
 * each got how many.
 */
export interface Received {
  /** When the last delivery came, by receiver, ms of the system's monotonic clock; null: none came. */
  readonly lastAtMs: readonly (number | null)[];
  readonly counts: readonly number[];
}

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
const [count = 0, dead = 0] = process.argv.slice(2).map(Number);
const seen: { lastAtMs: (number | null)[]; counts: number[] } = { lastAtMs: [], counts: [] };

async function listen(number: number): Promise<Server> {
  seen.lastAtMs[number] = null;
  seen.counts[number] = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      seen.lastAtMs[number] = nowMs();
      seen.counts[number] = (seen.counts[number] ?? 0) + 1;
      if (number < count - dead) response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const servers = await Promise.all(Array.from({ length: count }, (_, number) => listen(number)));
process.on('message', () => process.send?.(seen satisfies Received));
process.stdout.write(`${JSON.stringify(servers.map((server) => (server.address() as AddressInfo).port))}\n`);
await once(process, 'SIGTERM');
process.exit(0);
