import { Socket } from 'node:net';
import mqtt from 'mqtt';
import type { Clock } from '#shared/clock.ts';
import type { Stamp } from '#shared/stamp.ts';
import { credentialGrantSchema } from '#shared/wire/credentials.ts';
import { decode, encode } from '#shared/wire/decode.ts';
import {
  ackSchema,
  beatSchema,
  type ConnectorView,
  cancelSchema,
  commandSchema,
  diagnoseSchema,
  documentPushSchema,
  type Hello,
  holdSchema,
  nackSchema,
  type RecordEnvelope,
  type StreamName,
  welcomeSchema,
} from '#shared/wire/messages.ts';
import { recordBodySchema } from '#shared/wire/records.ts';
import { allDown, type DownKind, parseDownTopic, type UpKind, upTopic } from '#shared/wire/topics.ts';
import { systemRandom } from '../random.ts';
import type { Stage } from './fixtures.ts';

const schemas = {
  welcome: welcomeSchema,
  hold: holdSchema,
  beat: beatSchema,
  diagnose: diagnoseSchema,
  ack: ackSchema,
  command: commandSchema,
  cancel: cancelSchema,
  document: documentPushSchema,
  credential: credentialGrantSchema,
  nack: nackSchema,
};
type Schemas = typeof schemas;
type Received<Kind extends DownKind> = ReturnType<Schemas[Kind]['parse']>;

const PATIENCE_MS = 15_000;

/** A site as the cloud sees it: an MQTT client that speaks the shared wire protocol, and keeps what it hears. */
export interface FakeEdge {
  /** Sessions that have begun and not ended, with their connectors. */
  readonly running: ReadonlyMap<string, string>;
  readonly storeEpoch: string;
  readonly connectionEpoch: string;
  readonly bootId: string;
  stamp(atMs?: number): Stamp;
  /** An object as JSON, anything else as it is. */
  publish(kind: UpKind, message: object | string | Buffer): Promise<void>;
  publishTo(topic: string, payload: string | Buffer): Promise<void>;
  hello(change?: object): Promise<Received<'welcome'>>;
  state(connectorId: string, change?: Partial<ConnectorView>): Promise<void>;
  /** Sends records, of the stream `events` unless said otherwise, and waits for the acknowledgement. */
  batch(records: readonly RecordEnvelope[], stream?: StreamName): Promise<Received<'ack'>>;
  /** Numbers a body as the next record of the store and sends it. */
  record(body: RecordEnvelope['body']): Promise<Received<'ack'>>;
  nextSeq(): number;
  /** The next message of a kind that has not been taken yet and fits. */
  take<Kind extends DownKind>(kind: Kind, fits?: (message: Received<Kind>) => boolean): Promise<Received<Kind>>;
  heard(kind: DownKind): number;
  close(): Promise<void>;
}

function noteSession(running: Map<string, string>, body: RecordEnvelope['body']): void {
  const parsed = recordBodySchema.safeParse(body).data;
  if (parsed?.kind === 'session.started') running.set(parsed.sessionId, parsed.connectorId);
  if (parsed?.kind === 'session.ended') running.delete(parsed.cdr.sessionId);
}

/** Logs in as the site of a stage. */
export async function connectFakeEdge(
  brokerUrl: string,
  stage: Pick<Stage, 'siteId' | 'shard' | 'brokerPassword'>,
  clock: Clock,
  options: {
    readonly storeEpoch?: string;
    readonly firstSeq?: number;
    readonly isOld?: boolean;
    /** What its store still knows to run, from before. */
    readonly running?: ReadonlyMap<string, string>;
    readonly documents?: Hello['documents'];
    readonly reservations?: Hello['reservations'];
  } = {},
): Promise<FakeEdge> {
  const { siteId, shard } = stage;
  const storeEpoch = options.storeEpoch ?? systemRandom.uuid();
  const connectionEpoch = systemRandom.uuid();
  const bootId = systemRandom.uuid();
  let seq = (options.firstSeq ?? 1) - 1;
  const running = new Map(options.running);
  const inbox: { kind: DownKind; payload: Buffer }[] = [];
  const heard = new Map<DownKind, number>();
  const wakers = new Set<() => void>();
  const client = await mqtt.connectAsync(brokerUrl, {
    clientId: siteId,
    username: siteId,
    password: stage.brokerPassword,
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 200,
    will: {
      topic: upTopic(shard, siteId, 'presence'),
      payload: Buffer.from(encode({ v: 1, siteId, connectionEpoch, online: false })),
      qos: 1,
      retain: false,
    },
  });
  if (client.stream instanceof Socket) client.stream.setNoDelay(true);
  client.on('message', (topic, payload) => {
    const parsed = parseDownTopic(topic);
    if (parsed === null) return;
    heard.set(parsed.kind, (heard.get(parsed.kind) ?? 0) + 1);
    inbox.push({ kind: parsed.kind, payload });
    for (const wake of wakers) wake();
  });
  await client.subscribeAsync(allDown(shard, siteId), { qos: 1 });

  const stamp = (atMs = clock.wallMs()): Stamp => ({ wallMs: atMs, monoMs: clock.monoMs(), bootId, clock: 'trusted' });
  const publishTo = async (topic: string, payload: string | Buffer): Promise<void> => {
    await client.publishAsync(topic, payload, { qos: 1 });
  };
  const publish = (kind: UpKind, message: object | string | Buffer): Promise<void> =>
    publishTo(
      upTopic(shard, siteId, kind),
      typeof message === 'string' || Buffer.isBuffer(message) ? message : encode(message),
    );

  function takeNow<Kind extends DownKind>(
    kind: Kind,
    fits: (message: Received<Kind>) => boolean,
  ): Received<Kind> | null {
    for (const [index, message] of inbox.entries()) {
      if (message.kind !== kind) continue;
      const decoded = decode(schemas[kind], message.payload) as Received<Kind>;
      if (!fits(decoded)) continue;
      inbox.splice(index, 1);
      return decoded;
    }
    return null;
  }
  function take<Kind extends DownKind>(kind: Kind, fits: (message: Received<Kind>) => boolean = () => true) {
    return new Promise<Received<Kind>>((resolve, reject) => {
      const timer = setTimeout(() => {
        wakers.delete(look);
        reject(new Error(`no ${kind} within ${PATIENCE_MS} ms`));
      }, PATIENCE_MS);
      const look = (): void => {
        const message = takeNow(kind, fits);
        if (message === null) return;
        clearTimeout(timer);
        wakers.delete(look);
        resolve(message);
      };
      wakers.add(look);
      look();
    });
  }
  const batch = async (records: readonly RecordEnvelope[], stream: StreamName = 'events'): Promise<Received<'ack'>> => {
    for (const { body } of records) noteSession(running, body);
    const answer = take('ack', (ack) => ack.storeEpoch === storeEpoch && ack.stream === stream);
    // When sending fails already, that is the failure to tell, and not that no answer came.
    answer.catch(() => {});
    await publish('batch', { v: 1, siteId, storeEpoch, stream, records });
    return answer;
  };
  const nextSeq = (): number => {
    seq += 1;
    return seq;
  };
  return {
    running,
    storeEpoch,
    connectionEpoch,
    bootId,
    stamp,
    publish,
    publishTo,
    async hello(change = {}) {
      const welcome = take('welcome', (message) => message.connectionEpoch === connectionEpoch);
      await publish('hello', {
        v: 1,
        siteId,
        connectionEpoch,
        storeEpoch,
        software: 'fake-edge',
        at: stamp(),
        streams: [{ stream: 'events', headSeq: seq, ackedSeq: 0 }],
        runningSessions: [...running].map(([sessionId, connectorId]) => ({ sessionId, connectorId })),
        ...(options.isOld === true
          ? {}
          : { documents: options.documents ?? [], documentKeyIds: [], reservations: options.reservations ?? [] }),
        ...change,
      });
      return welcome;
    },
    async state(connectorId, change = {}) {
      const connector: ConnectorView = {
        pileId: `${connectorId}-pile`,
        connectorId,
        status: 'plugged',
        observedAtMs: clock.wallMs(),
        plugged: true,
        sessionId: null,
        energyWh: null,
        powerW: 0,
        currentMa: 0,
        temperatureC: 25,
        faults: [],
        ...change,
      };
      await publish('state', { v: 1, siteId, connectionEpoch, at: stamp(), connectors: [connector] });
    },
    batch,
    record: (body) => batch([{ seq: nextSeq(), at: stamp(), body }]),
    nextSeq,
    take,
    heard: (kind) => heard.get(kind) ?? 0,
    async close() {
      await client.endAsync(true);
    },
  };
}
