import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Receivers of webhooks on ports of their own, in a process of their own. Started as `api-receivers.ts <how many>`; says their ports in one
 * line of JSON. The first one takes what comes and never answers. At the message `tell` it says when each of the others got how many.
 */
export interface Received {
  /** When the last delivery came, by receiver, ms of the system's monotonic clock; null: none came. */
  readonly lastAtMs: readonly (number | null)[];
  readonly counts: readonly number[];
}

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
const count = Number(process.argv[2]);
const seen: { lastAtMs: (number | null)[]; counts: number[] } = { lastAtMs: [], counts: [] };

async function listen(number: number): Promise<Server> {
  seen.lastAtMs[number] = null;
  seen.counts[number] = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      seen.lastAtMs[number] = nowMs();
      seen.counts[number] = (seen.counts[number] ?? 0) + 1;
      if (number > 0) response.writeHead(204).end();
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
