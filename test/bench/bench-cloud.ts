import { randomUUID } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import type { Batch, Command, ConnectorStatus, Hello, State } from '../../shared/wire/messages.ts';
import { type DownKind, downTopic, parseUpTopic, WIRE_VERSION } from '../../shared/wire/topics.ts';

/** As long as it takes to have a batch in a database. */
const COMMIT_MS = 20;
const HOUR_MS = 3_600_000;

const tariff = {
  tariffId: 'bench',
  version: 1,
  currency: 'CNY',
  timezone: 'Asia/Shanghai',
  bands: [{ name: 'all-day', startMinute: 0, electricityPriceE4: 6000, servicePriceE4: 4000 }],
};

/** A broker and as much of a cloud as an edge needs to run charges. It keeps nothing of what it is told. */
export class BenchCloud {
  readonly #shard: number;
  readonly #siteId: string;
  readonly #broker: Aedes;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    this.#broker.handle(socket);
  });
  /** By connector, as the edge told last. */
  readonly #connectors = new Map<string, State['connectors'][number]>();
  recordsTaken = 0;
  #isTakingRecords = true;
  /** A batch that has come while none was taken. */
  #held: Batch | null = null;

  constructor(broker: Aedes, shard: number, siteId: string) {
    this.#broker = broker;
    this.#shard = shard;
    this.#siteId = siteId;
    broker.on('publish', (packet) => {
      const topic = parseUpTopic(packet.topic);
      if (topic === null) return;
      const message = JSON.parse(packet.payload.toString());
      if (topic.kind === 'hello') this.#welcome(message);
      if (topic.kind === 'state') for (const one of message.connectors) this.#connectors.set(one.connectorId, one);
      if (topic.kind === 'batch') this.#take(message);
    });
  }

  /** @returns the broker's address */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new TypeError('no port');
    return `mqtt://127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#broker.close(resolve));
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** A cloud that is busy elsewhere acknowledges no batch, and the edge keeps what is in it. */
  takeRecords(isTaking: boolean): void {
    this.#isTakingRecords = isTaking;
    if (isTaking && this.#held !== null) this.#take(this.#held);
  }

  /** How many connectors were last told to be in this state. */
  count(status: ConnectorStatus): number {
    return [...this.#connectors.values()].filter((connector) => connector.status === status).length;
  }

  /** As it was last told; null before that. */
  statusOf(connectorId: string): ConnectorStatus | null {
    return this.#connectors.get(connectorId)?.status ?? null;
  }

  start(connectorId: string): void {
    const head = { v: WIRE_VERSION, commandId: randomUUID(), requestId: randomUUID(), orderId: randomUUID() } as const;
    const issuedAtMs = Date.now();
    const expiry = { expiresAtMs: issuedAtMs + HOUR_MS, ttlMs: HOUR_MS };
    this.#say('command', { ...head, connectorId, issuedAtMs, kind: 'start', expect: 'no-session', ...expiry, tariff });
  }

  /** Stops what was last told to be running there. */
  stop(connectorId: string): void {
    const sessionId = this.#connectors.get(connectorId)?.sessionId;
    if (sessionId === undefined || sessionId === null) throw new Error(`${connectorId} has no session`);
    const head = { v: WIRE_VERSION, commandId: randomUUID(), requestId: randomUUID(), orderId: randomUUID() } as const;
    this.#say('command', { ...head, connectorId, issuedAtMs: Date.now(), kind: 'stop', sessionId, reason: 'partner' });
  }

  #welcome({ connectionEpoch, storeEpoch }: Hello): void {
    this.#say('welcome', { v: WIRE_VERSION, connectionEpoch, storeEpoch, serverWallMs: Date.now(), cursors: [] });
  }

  #take(batch: Batch): void {
    this.#held = this.#isTakingRecords ? null : batch;
    if (this.#isTakingRecords) setTimeout(() => this.#acknowledge(batch), COMMIT_MS);
  }

  #acknowledge({ storeEpoch, records }: Batch): void {
    this.recordsTaken += records.length;
    const ackedSeq = records.at(-1)?.seq ?? 0;
    this.#say('ack', { v: WIRE_VERSION, storeEpoch, stream: 'events', ackedSeq, refused: [] });
  }

  #say(kind: DownKind, message: Command | object): void {
    const payload = Buffer.from(JSON.stringify(message));
    const topic = downTopic(this.#shard, this.#siteId, kind);
    this.#broker.publish({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false }, () => {});
  }
}

export const openBenchCloud = async (shard: number, siteId: string): Promise<BenchCloud> =>
  new BenchCloud(await Aedes.createBroker(), shard, siteId);
