import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';

const LOOPBACK = '127.0.0.1';

/** `cut`: connections break, and none is made. `silent`: they stay open, and nothing gets through. */
export type UplinkState = 'good' | 'cut' | 'silent';

/** The router of a site, through which its controller reaches the broker. */
export interface Uplink {
  readonly port: number;
  /** Where it leads. */
  lead(target: { readonly host: string; readonly port: number }): void;
  set(state: UplinkState): void;
  close(): Promise<void>;
}

/** Listens on loopback at a free port. Until it is told where it leads, it refuses. */
export async function openUplink(): Promise<Uplink> {
  let target: { readonly host: string; readonly port: number } | null = null;
  let state: UplinkState = 'good';
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((client) => {
    if (target === null || state !== 'good') {
      client.on('error', () => {}).destroy();
      return;
    }
    const pair = [client, dial(target)] as const;
    pairs.add(pair);
    join(pair, () => pairs.delete(pair));
  });
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the uplink has no port');
  const breakAll = (): void => {
    for (const [client, broker] of pairs) {
      client.destroy();
      broker.destroy();
    }
  };
  return {
    port: address.port,
    lead: (to) => {
      target = to;
    },
    set: (next) => {
      // What was silent has lost something: it does not go on.
      if (next === 'cut' || state === 'silent') breakAll();
      state = next;
      if (next === 'silent') for (const [client, broker] of pairs) for (const end of [client, broker]) silence(end);
    },
    async close() {
      breakAll();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

function join([client, broker]: readonly [Socket, Socket], onEnd: () => void): void {
  client.pipe(broker);
  broker.pipe(client);
  for (const [end, other] of [
    [client, broker],
    [broker, client],
  ] as const) {
    end.on('error', () => {});
    end.on('close', () => {
      other.destroy();
      onEnd();
    });
  }
}

/** Swallows what comes. */
function silence(end: Socket): void {
  end.unpipe();
  end.resume();
}
