import { once } from 'node:events';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';

/** What is wrong with the way between a client and its server. Bytes that arrive keep their order. */
export interface Toxics {
  /** Every byte comes so much later. */
  readonly latencyMs: number;
  /** No more than so much gets through, in each direction; null: all of it. */
  readonly bytesPerS: number | null;
  /**
   * What is sent in this direction is swallowed while the connection stays open, as behind a dead radio; upwards, the end of it as well.
   * A connection that has lost something so does not go on when the way is good again: what is sent on it breaks it, as it does where
   * the other end has forgotten it.
   */
  readonly swallow: 'none' | 'up' | 'down' | 'both';
  /** A connection breaks after so many bytes from the client, in the middle of whatever that is; null: never. */
  readonly truncateAfterBytes: number | null;
  /** Nobody is listening, as far as a client can tell. */
  readonly isCut: boolean;
}

const harmless: Toxics = {
  latencyMs: 0,
  bytesPerS: null,
  swallow: 'none',
  truncateAfterBytes: null,
  isCut: false,
};

/** A TCP proxy whose way can be made bad, and good again, while connections are open. */
export class FaultProxy {
  /** Connections that were accepted so far. */
  accepted = 0;
  #toxics = harmless;
  readonly #forgotten = new WeakSet<readonly [Socket, Socket]>();
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #target: { readonly host: string; readonly port: number };
  #server: Server | null = null;
  #port = 0;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
  }

  /** @param url of the server behind it, such as `mqtt://127.0.0.1:1883` */
  static async before(url: string): Promise<FaultProxy> {
    const { hostname, port } = new URL(url);
    const proxy = new FaultProxy({ host: hostname, port: Number(port) });
    await proxy.#listen();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  get mqttUrl(): string {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  get openConnections(): number {
    return this.#pairs.size;
  }

  /** What is not named is harmless from here on. A cut ends the open connections as well. */
  async set(toxics: Partial<Toxics>): Promise<void> {
    this.#toxics = { ...harmless, ...toxics };
    for (const [client, server] of this.#pairs) if (client.destroyed && !this.#swallows('up')) server.destroy();
    if (this.#toxics.isCut) await this.#stopListening();
    else if (this.#server === null) await this.#listen();
  }

  /** What is open stays open and brings nothing any more, in either direction, nor its end, as behind a firewall that has forgotten it. */
  forgetConnections(): void {
    for (const pair of this.#pairs) this.#forgotten.add(pair);
  }

  /** Breaks what is open; whoever comes again is let in. */
  dropConnections(): void {
    for (const pair of this.#pairs) {
      this.#pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    }
  }

  async close(): Promise<void> {
    await this.#stopListening();
  }

  async #listen(): Promise<void> {
    const server = createServer({ noDelay: true }, (client) => this.#take(client));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    this.#port = address.port;
    this.#server = server;
  }

  async #stopListening(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.dropConnections();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #swallows(way: 'up' | 'down'): boolean {
    return this.#toxics.swallow === way || this.#toxics.swallow === 'both';
  }

  #take(client: Socket): void {
    this.accepted += 1;
    const server = dial({ ...this.#target, noDelay: true });
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    const end = () => {
      if (this.#forgotten.has(pair)) return;
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    server.on('close', end).on('error', end);
    client
      .on('error', () => {})
      .on('close', () => {
        if (!this.#swallows('up')) end();
      });
    let hasLost = false;
    const swallow = () => {
      hasLost = true;
    };
    const passOn = (to: Socket, bytes: Buffer) => {
      if (this.#forgotten.has(pair)) return;
      if (hasLost) end();
      else to.write(bytes);
    };
    let fromClient = 0;
    this.#pass(client, 'up', swallow, (bytes) => {
      fromClient += bytes.length;
      const most = this.#toxics.truncateAfterBytes;
      if (most === null || fromClient <= most) return passOn(server, bytes);
      server.write(bytes.subarray(0, Math.max(0, most - (fromClient - bytes.length))), end);
    });
    this.#pass(server, 'down', swallow, (bytes) => passOn(client, bytes));
  }

  /** One chunk after the other: each waits for the one before, for its latency, and for its share of the rate. */
  #pass(from: Socket, way: 'up' | 'down', onSwallowed: () => void, passOn: (bytes: Buffer) => void): void {
    let before = Promise.resolve();
    let waiting = 0;
    from.on('data', (bytes: Buffer) => {
      const arrivedMs = performance.now();
      waiting += 1;
      if (this.#toxics.bytesPerS !== null) from.pause();
      before = before.then(async () => {
        const { latencyMs, bytesPerS } = this.#toxics;
        const restMs = arrivedMs + latencyMs - performance.now();
        const rateMs = bytesPerS === null ? 0 : (bytes.length / bytesPerS) * 1000;
        if (restMs + rateMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.max(0, restMs) + rateMs));
        waiting -= 1;
        if (waiting === 0) from.resume();
        if (this.#swallows(way)) onSwallowed();
        else passOn(bytes);
      });
    });
  }
}
