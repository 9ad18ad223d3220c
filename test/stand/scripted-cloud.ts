import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import type { DocumentKind } from '#shared/documents.ts';
import { decode, encode } from '#shared/wire/decode.ts';
import {
  type Batch,
  batchSchema,
  type Command,
  type DocumentPush,
  type Hello,
  helloSchema,
  nackSchema,
  type RecordEnvelope,
  type State,
  stateSchema,
} from '#shared/wire/messages.ts';
import { type RecordBody, type RecordKind, type RecordOf, recordBodySchema } from '#shared/wire/records.ts';
import { type DownKind, downTopic, parseUpTopic, type UpKind } from '#shared/wire/topics.ts';

/** A record as it was first told, and how often it has been told since. */
export interface KeptRecord {
  readonly storeEpoch: string;
  readonly stream: Batch['stream'];
  readonly seq: number;
  readonly body: RecordBody;
  readonly receipts: number;
}

type Report = RecordOf<'command.reported'>;
export type FinalReport = Report & { readonly status: 'done' | 'failed' };
const isFinal = (report: Report): report is FinalReport => report.status !== 'received';

/**
 * A broker on loopback with the smallest cloud that is right: it welcomes, keeps every record by epoch and sequence,
 * acknowledges what it keeps, and says a command again after every welcome until its outcome is known. Whatever the edge
 * tells that it must not tell is a complaint.
 */
export class ScriptedCloud {
  readonly siteId: string;
  readonly shard = 7;
  /** False: records are kept and not acknowledged, as when every acknowledgement is lost. */
  isAcknowledging = true;
  /** The time that it tells: a test may put its clock wrong. */
  wallMs: () => number = Date.now;
  /** Contradictions, holes and messages that cannot be read. Empty while the edge behaves. */
  readonly complaints: string[] = [];
  /** The last live view, and the last hello. */
  state: State | null = null;
  hello: Hello | null = null;
  /** Called when a message has come and before it is answered. */
  onHeard: (kind: UpKind) => void = () => {};
  /** By epoch and stream, then by sequence number. */
  readonly #records = new Map<string, Map<number, KeptRecord>>();
  readonly #unfinished = new Map<string, { readonly kind: 'command' | 'cancel'; readonly message: object }[]>();
  #pushed: readonly DocumentPush[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #broker: Aedes;
  #server: Server | null = null;
  #port = 0;

  private constructor(siteId: string, broker: Aedes) {
    this.siteId = siteId;
    this.#broker = broker;
    broker.on('publish', (packet) => {
      const topic = parseUpTopic(packet.topic);
      if (topic !== null && topic.siteId === siteId) this.#hear(topic.kind, Buffer.from(packet.payload));
    });
  }

  static async listen(siteId: string): Promise<ScriptedCloud> {
    const cloud = new ScriptedCloud(siteId, await Aedes.createBroker());
    await cloud.comeBack();
    return cloud;
  }

  get brokerUrl(): string {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  /** Everything that has been told, each record once, in the order of epochs, streams and sequence numbers. */
  records(): KeptRecord[] {
    return [...this.#records.values()].flatMap((kept) => [...kept.values()]);
  }

  recordsOf<Kind extends RecordKind>(kind: Kind): RecordOf<Kind>[] {
    return this.records().flatMap(({ body }) => (body.kind === kind ? [body as RecordOf<Kind>] : []));
  }

  /** The different final outcomes that were told of a command: one when all is well. The same may be told again. */
  outcomesOf(commandId: string): FinalReport[] {
    const finals = this.recordsOf('command.reported').filter(isFinal);
    const own = finals.filter((report) => report.commandId === commandId);
    return [...new Map(own.map((report) => [JSON.stringify(report), report])).values()];
  }

  /** Sends a command, and again after every welcome until it has a final outcome. */
  send(command: Command): void {
    this.#say('command', command);
    this.#unfinished.set(command.commandId, [{ kind: 'command', message: command }]);
  }

  /** Sends a document, and again after every welcome until the site has told what became of it. */
  sendDocument(documentKind: DocumentKind, version: number, text: string): void {
    const digest = createHash('sha256').update(text).digest('hex');
    const push: DocumentPush = { v: 1, documentKind, version, digest, text };
    this.#pushed = [...this.#pushed, push];
    this.#say('document', push);
  }

  /** What was told of a version, in order. */
  reportsOf(documentKind: DocumentKind, version: number): RecordOf<'document.reported'>[] {
    const all = this.recordsOf('document.reported');
    return all.filter((report) => report.documentKind === documentKind && report.version === version);
  }

  /** Takes a start back, as often as the start itself would be sent. */
  cancel(commandId: string): void {
    const cancel = { v: 1, commandId };
    this.#say('cancel', cancel);
    this.#unfinished.get(commandId)?.push({ kind: 'cancel', message: cancel });
  }

  /** Breaks every connection and accepts none, until it comes back. */
  async cutOff(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Listens again at the same address. */
  async comeBack(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      this.#broker.handle(socket);
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the broker has no port');
    this.#port = address.port;
    this.#server = server;
  }

  async close(): Promise<void> {
    await this.cutOff();
    await new Promise<void>((resolve) => this.#broker.close(() => resolve()));
  }

  #say(kind: DownKind, message: object): void {
    const payload = Buffer.from(encode(message));
    const topic = downTopic(this.shard, this.siteId, kind);
    this.#broker.publish({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false }, () => {});
  }

  #hear(kind: UpKind, payload: Uint8Array): void {
    try {
      this.onHeard(kind);
      this.#handle(kind, payload);
    } catch (error) {
      this.complaints.push(`${kind}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #handle(kind: UpKind, payload: Uint8Array): void {
    switch (kind) {
      case 'hello':
        return this.#welcome(decode(helloSchema, payload));
      case 'batch':
        return this.#keep(decode(batchSchema, payload));
      case 'state':
        this.state = decode(stateSchema, payload);
        return;
      case 'nack': {
        const { code, detail } = decode(nackSchema, payload);
        this.complaints.push(`the edge refuses a message: ${code} ${detail}`);
        return;
      }
      case 'presence':
        return;
    }
  }

  #welcome(hello: Hello): void {
    this.hello = hello;
    const { connectionEpoch, storeEpoch } = hello;
    const cursors = hello.streams.map(({ stream }) => ({ stream, ackedSeq: this.#keptOf(storeEpoch, stream).size }));
    const helloMonoMs = hello.at.monoMs;
    this.#say('welcome', { v: 1, connectionEpoch, storeEpoch, serverWallMs: this.wallMs(), helloMonoMs, cursors });
    this.#pushed = this.#pushed.filter(
      ({ documentKind, version }) => this.reportsOf(documentKind, version).length === 0,
    );
    for (const push of this.#pushed) this.#say('document', push);
    for (const [commandId, messages] of this.#unfinished) {
      if (this.outcomesOf(commandId).length > 0) this.#unfinished.delete(commandId);
      else for (const { kind, message } of messages) this.#say(kind, message);
    }
  }

  #keptOf(storeEpoch: string, stream: Batch['stream']): Map<number, KeptRecord> {
    const name = `${storeEpoch}/${stream}`;
    const kept = this.#records.get(name) ?? new Map<number, KeptRecord>();
    this.#records.set(name, kept);
    return kept;
  }

  #keep({ storeEpoch, stream, records }: Batch): void {
    const kept = this.#keptOf(storeEpoch, stream);
    for (const record of records) {
      const known = kept.get(record.seq);
      if (known !== undefined) kept.set(record.seq, this.#again(known, record));
      else if (record.seq === kept.size + 1) kept.set(record.seq, { storeEpoch, stream, ...first(record) });
      else return void this.complaints.push(`record ${record.seq} comes after ${kept.size}`);
    }
    if (!this.isAcknowledging) return;
    this.#say('ack', { v: 1, storeEpoch, stream, ackedSeq: kept.size, refused: [] });
  }

  #again(known: KeptRecord, { seq, body }: RecordEnvelope): KeptRecord {
    const told = JSON.stringify(recordBodySchema.parse(body));
    if (told !== JSON.stringify(known.body)) this.complaints.push(`record ${seq} is told in two ways`);
    return { ...known, receipts: known.receipts + 1 };
  }
}

const first = ({ seq, body }: RecordEnvelope) => ({ seq, body: recordBodySchema.parse(body), receipts: 1 });
