import { randomUUID } from 'node:crypto';
import mqtt, { type MqttClient } from 'mqtt';
import { allDown, upTopic, WIRE_VERSION } from '../../shared/wire/topics.ts';
import { alarmRecord } from './ingest-records.ts';

/** As an edge does it. */
const HEARTBEAT_MS = 2_000;
const RESEND_MS = 5_000;

/** A site without hardware: it is connected, says that it lives, and tells records. */
export class IngestSite {
  readonly siteId: string;
  readonly #number: number;
  readonly #shard: number;
  readonly #client: MqttClient;
  readonly #connectionEpoch = randomUUID();
  readonly #storeEpoch = randomUUID();
  readonly #timers: NodeJS.Timeout[] = [];
  #onWelcome: () => void = () => {};
  #acked = 0;
  #batch: { text: string; lastSeq: number; saidAtMs: number } | null = null;
  /** 0: it tells nothing. */
  #batchRecords = 0;
  #pauseMs = 0;
  refusedCount = 0;
  /** How often its connection broke. */
  breaks = 0;
  /** From saying a batch to its acknowledgement, in ms. */
  readonly ackMs: number[] = [];

  private constructor(siteId: string, number: number, shard: number, client: MqttClient) {
    this.siteId = siteId;
    this.#number = number;
    this.#shard = shard;
    this.#client = client;
    client.on('close', () => {
      this.breaks += 1;
    });
    client.on('message', (topic, payload) => {
      const kind = topic.slice(topic.lastIndexOf('/') + 1);
      if (kind === 'welcome') this.#onWelcome();
      if (kind === 'ack') this.#acknowledged(JSON.parse(payload.toString('utf8')));
    });
  }

  /** Connects, says hello and is welcomed. */
  static async connect(brokerUrl: string, siteId: string, number: number, shard: number): Promise<IngestSite> {
    const client = await mqtt.connectAsync(brokerUrl, { clientId: siteId, protocolVersion: 4, clean: true });
    const site = new IngestSite(siteId, number, shard, client);
    await client.subscribeAsync(allDown(shard, siteId), { qos: 1 });
    const welcomed = new Promise<void>((resolve) => {
      site.#onWelcome = resolve;
    });
    const streams = [{ stream: 'events', headSeq: 0, ackedSeq: 0 }];
    const hello = () => site.#say('hello', { software: 'bench', at: stamp(), streams, runningSessions: [] });
    hello();
    const again = setInterval(hello, RESEND_MS);
    await welcomed;
    clearInterval(again);
    return site;
  }

  get acked(): number {
    return this.#acked;
  }

  /** Says from now on that it lives, `firstAfterMs` later for the first time. */
  live(firstAfterMs: number): void {
    const state = () => {
      const connector = { connectorId: `${this.siteId}-c`, pileId: `${this.siteId}-p`, status: 'available' };
      const figures = { plugged: false, sessionId: null, energyWh: null, powerW: 0, currentMa: 0, temperatureC: 21 };
      const connectors = [{ ...connector, ...figures, observedAtMs: Date.now(), faults: [] }];
      this.#say('state', { at: stamp(), connectors });
    };
    this.#timers.push(
      setTimeout(() => {
        state();
        this.#timers.push(setInterval(state, HEARTBEAT_MS));
      }, firstAfterMs),
    );
  }

  /** Tells batches, the next one `pauseMs` after the one before is acknowledged; a batch of no records is the end of it. */
  tell(batchRecords: number, pauseMs: number): void {
    this.#batchRecords = batchRecords;
    this.#pauseMs = pauseMs;
    if (this.#batch === null) this.#tellNext();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#batchRecords = 0;
    await this.#client.endAsync(true);
  }

  #tellNext(): void {
    if (this.#batchRecords === 0) return;
    const records = Array.from({ length: this.#batchRecords }, (_, i) =>
      alarmRecord(this.#number, this.#acked + 1 + i),
    );
    const text = JSON.stringify({ ...this.#head(), storeEpoch: this.#storeEpoch, stream: 'events', records });
    this.#batch = { text, lastSeq: this.#acked + this.#batchRecords, saidAtMs: performance.now() };
    this.#publish('batch', text);
  }

  #acknowledged(ack: { ackedSeq: number; refused: unknown[] }): void {
    this.refusedCount += ack.refused.length;
    if (this.#batch === null || ack.ackedSeq < this.#batch.lastSeq) return;
    this.ackMs.push(performance.now() - this.#batch.saidAtMs);
    this.#acked = ack.ackedSeq;
    this.#batch = null;
    if (this.#pauseMs === 0) this.#tellNext();
    else this.#timers.push(setTimeout(() => this.#tellNext(), this.#pauseMs));
  }

  readonly #head = () => ({ v: WIRE_VERSION, siteId: this.siteId, connectionEpoch: this.#connectionEpoch });

  #say(kind: 'hello' | 'state', message: object): void {
    this.#publish(kind, JSON.stringify({ ...this.#head(), storeEpoch: this.#storeEpoch, ...message }));
  }

  #publish(kind: 'hello' | 'state' | 'batch', text: string): void {
    this.#client.publish(upTopic(this.#shard, this.siteId, kind), text, { qos: 1 });
  }
}

const BOOT_ID = randomUUID();
const stamp = () => ({ wallMs: Date.now(), monoMs: Math.round(performance.now()), bootId: BOOT_ID, clock: 'trusted' });
