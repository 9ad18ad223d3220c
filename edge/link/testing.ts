import { createServer, type Server, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { Aedes } from 'aedes';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { Clock, Timers } from '#shared/clock.ts';
import type { CredentialGrant, Renewal } from '#shared/wire/credentials.ts';
import type {
  Ack,
  Batch,
  Beat,
  Cancel,
  Command,
  Diagnose,
  DocumentPush,
  Hello,
  Hold,
  Nack,
  Piece,
  Presence,
  State,
  Welcome,
} from '#shared/wire/messages.ts';
import { type DownKind, downTopic, parseUpTopic, type UpKind } from '#shared/wire/topics.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Store } from '../ledger/store.ts';
import { at, openLedger } from '../ledger/testing.ts';
import { systemClock, systemTimers } from '../runtime/system-time.ts';
import { openBrokerSession } from './broker-session.ts';
import { Link, type LinkParts } from './link.ts';

/** Time runs this much faster for the link than for the test; the broker and its sockets keep real time. */
const SPEED = 20;
/** So much of the test's time passes at once at most: while this process does not get to run, nothing becomes overdue. */
const MOST_AT_ONCE_MS = 5;

class FastTime implements Clock, Timers {
  #monoMs = performance.now() * SPEED;
  #tickedMs = performance.now();
  readonly #waiting = new Set<{ readonly atMs: number; readonly action: () => void }>();

  constructor() {
    setInterval(() => this.#tick(), 1).unref();
  }

  wallMs = (): number => Date.now();
  monoMs = (): number => this.#monoMs;

  after(delayMs: number, action: () => void): () => void {
    const one = { atMs: this.#monoMs + delayMs, action };
    this.#waiting.add(one);
    return () => this.#waiting.delete(one);
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#monoMs += Math.min(MOST_AT_ONCE_MS, nowMs - this.#tickedMs) * SPEED;
    this.#tickedMs = nowMs;
    for (const one of [...this.#waiting].sort((a, b) => a.atMs - b.atMs)) {
      if (one.atMs > this.#monoMs) return;
      // An earlier one may have cancelled it.
      if (this.#waiting.delete(one)) one.action();
    }
  }
}

/** A clock and its timers. */
export const fastTime = new FastTime();

/** What a link needs beside its site: real time, no chance, and nobody who listens. */
export const quietLink = (ledger: Ledger): Omit<LinkParts, 'site'> => ({
  openBroker: openBrokerSession,
  controllerId: null,
  software: 'pilegate-edge test',
  ledger,
  clock: systemClock,
  timers: systemTimers,
  stamp: () => at,
  newId: () => crypto.randomUUID(),
  fraction: () => 0,
  otherStreams: [],
  log: pino({ level: 'silent' }),
  actedOn: [],
  onCommand: () => {},
  onCancel: () => {},
  onAcknowledged: () => {},
  onDocument: () => {},
  documentKeyIds: () => [],
  onDocumentKeys: () => {},
  onDiagnose: () => {},
  onCloudTime: () => {},
});

export interface UpMessages {
  hello: Hello;
  batch: Batch;
  state: State;
  presence: Presence;
  piece: Piece;
  renewal: Renewal;
  nack: Nack;
}
interface DownMessages {
  welcome: Welcome;
  hold: Hold;
  beat: Beat;
  diagnose: Diagnose;
  ack: Ack;
  command: Command;
  cancel: Cancel;
  document: DocumentPush;
  credential: CredentialGrant;
  nack: Nack;
}

export const SITE_ID = 'site-1';
export const SHARD = 7;
/** Of the key that is pinned. */
export const KEY_ID = '0123456789abcdef';

/** A real broker and a cloud that says only what the test tells it to. */
export class FakeCloud {
  readonly heard: { [Kind in UpKind]: UpMessages[Kind][] } = {
    hello: [],
    batch: [],
    state: [],
    presence: [],
    piece: [],
    renewal: [],
    nack: [],
  };
  /** What came, as it came. */
  readonly sizes: { kind: UpKind; bytes: number; isPlain: boolean }[] = [];
  port = 0;
  /** What it tells of itself; an older cloud tells nothing. */
  accepts: Welcome['accepts'];
  /** Called for every message; welcomes and acknowledges by default, as a cloud that is well does. */
  onHeard: (kind: UpKind, message: UpMessages[UpKind]) => void = (kind) => this.answer(kind);
  #broker: Aedes | null = null;
  #server: Server | null = null;
  readonly #sockets = new Set<Socket>();

  async start(): Promise<void> {
    const broker = await Aedes.createBroker();
    broker.on('publish', (packet, client) => {
      const topic = parseUpTopic(packet.topic);
      if (topic === null || (client === null && topic.kind !== 'presence')) return;
      const raw = Buffer.from(packet.payload);
      const message = JSON.parse((raw[0] === 0x1f ? gunzipSync(raw) : raw).toString());
      this.sizes.push({ kind: topic.kind, bytes: raw.byteLength, isPlain: raw[0] === 0x7b });
      this.heard[topic.kind].push(message as never);
      this.onHeard(topic.kind, message);
    });
    this.#broker = broker;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      broker.handle(socket);
    });
    const server = this.#server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.port = address.port;
  }

  /** As a process that is killed: sockets break, nothing is said. */
  async stop(): Promise<void> {
    const [broker, server] = [this.#broker, this.#server];
    this.#broker = null;
    this.#server = null;
    this.dropConnections();
    if (broker !== null) await new Promise<void>((resolve) => broker.close(resolve));
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  say<Kind extends DownKind>(kind: Kind, message: DownMessages[Kind] | string): void {
    const payload = Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));
    this.#broker?.publish(
      { cmd: 'publish', topic: downTopic(SHARD, SITE_ID, kind), payload, qos: 1, retain: false, dup: false },
      () => {},
    );
  }

  answer(kind: UpKind): void {
    if (kind === 'hello') this.welcome();
    if (kind === 'batch') this.ack();
  }

  welcome(change: Partial<Welcome> = {}): void {
    const hello = this.heard.hello.at(-1);
    if (hello === undefined) throw new Error('nobody has said hello');
    const { connectionEpoch, storeEpoch } = hello;
    this.say('welcome', {
      v: 1,
      connectionEpoch,
      storeEpoch,
      serverWallMs: 0,
      cursors: [],
      accepts: this.accepts,
      ...change,
    });
  }

  /** Acknowledges a batch, by default the last. */
  ack(change: Partial<Ack> = {}, batch = this.heard.batch.at(-1)): void {
    const ackedSeq = batch?.records.at(-1)?.seq ?? 0;
    const storeEpoch = batch?.storeEpoch ?? '';
    this.say('ack', { v: 1, storeEpoch, stream: 'events', sendNo: batch?.sendNo, ackedSeq, refused: [], ...change });
  }
}

interface Opened {
  readonly ledger: Ledger;
  readonly store: Store;
}

export async function rig(change: { start?: boolean; opened?: Opened; fraction?: () => number } = {}) {
  const cloud = new FakeCloud();
  await cloud.start();
  onTestFinished(() => cloud.stop());
  if (change.start === false) await cloud.stop();
  const { ledger, store } = change.opened ?? openLedger();
  const told: string[] = [];
  const logged: string[] = [];
  const cloudTimes: { serverWallMs: number; askedMonoMs: number; heardMonoMs: number }[] = [];
  const link = new Link({
    ...quietLink(ledger),
    site: { siteId: SITE_ID, shard: SHARD, brokerUrl: `mqtt://127.0.0.1:${cloud.port}`, password: null },
    clock: fastTime,
    timers: fastTime,
    fraction: change.fraction ?? Math.random,
    log: pino({ level: 'info' }, { write: (line: string) => logged.push(line) }),
    actedOn: ledger.openWork(at).commands.map(({ commandId }) => commandId),
    onCommand: (command) => told.push(`${command.kind} ${command.commandId.slice(-2)}`),
    onCancel: (commandId) => told.push(`cancel ${commandId.slice(-2)}`),
    onAcknowledged: (sessionId) => told.push(`acknowledged ${sessionId.slice(-2)}`),
    onDocument: ({ documentKind, version }) => told.push(`document ${documentKind} ${version}`),
    documentKeyIds: () => [KEY_ID],
    onDocumentKeys: ({ text }) => told.push(`keys ${text}`),
    onCloudTime: (cloudTime) => cloudTimes.push(cloudTime),
  });
  onTestFinished(() => link.close());
  return { cloud, ledger, store, database: store.database, link, told, logged, cloudTimes };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
