import { randomUUID } from 'node:crypto';
import mqtt, { type MqttClient } from 'mqtt';
import { ackSchema } from '../../shared/wire/messages.ts';
import { downTopic, upTopic, WIRE_VERSION } from '../../shared/wire/topics.ts';

const RESEND_MS = 300;
const RECORDS_PER_BATCH = 3;

/** A site that always has something to tell: a batch, until it is acknowledged, and then the next one. */
export class SteadySite {
  readonly siteId: string;
  readonly #shard: number;
  readonly #client: MqttClient;
  readonly #storeEpoch = randomUUID();
  readonly #resend: NodeJS.Timeout;
  #acked = 0;
  #ackedAtMs = Date.now();
  #worstGapMs = 0;
  #isTelling = true;

  private constructor(siteId: string, shard: number, client: MqttClient) {
    this.siteId = siteId;
    this.#shard = shard;
    this.#client = client;
    client.on('message', (_topic, payload) => this.#onAck(payload));
    this.#resend = setInterval(() => this.#tell(), RESEND_MS);
    this.#tell();
  }

  static async connect(brokerUrl: string, siteId: string, shard: number): Promise<SteadySite> {
    const client = await mqtt.connectAsync(brokerUrl, { clientId: siteId, protocolVersion: 4, clean: true });
    await client.subscribeAsync(downTopic(shard, siteId, 'ack'), { qos: 1 });
    return new SteadySite(siteId, shard, client);
  }

  /** The cloud has said that it has everything up to here. */
  get acked(): number {
    return this.#acked;
  }

  /** The longest time without an acknowledgement since it was asked last, in ms. */
  takeWorstGapMs(): number {
    const worst = Math.max(this.#worstGapMs, Date.now() - this.#ackedAtMs);
    this.#worstGapMs = 0;
    return worst;
  }

  /** Tells nothing new, and leaves when what it told last has had its time to be acknowledged. */
  async finish(): Promise<void> {
    this.#isTelling = false;
    await new Promise((resolve) => setTimeout(resolve, RESEND_MS));
    clearInterval(this.#resend);
    await this.#client.endAsync(true);
  }

  #onAck(payload: Buffer): void {
    const ack = ackSchema.parse(JSON.parse(payload.toString('utf8')));
    if (ack.refused.length > 0) throw new Error(`${this.siteId}: ${JSON.stringify(ack.refused)}`);
    if (ack.ackedSeq <= this.#acked) return;
    const nowMs = Date.now();
    this.#worstGapMs = Math.max(this.#worstGapMs, nowMs - this.#ackedAtMs);
    this.#ackedAtMs = nowMs;
    this.#acked = ack.ackedSeq;
    if (this.#isTelling) this.#tell();
  }

  #tell(): void {
    const first = this.#acked + 1;
    const records = Array.from({ length: RECORDS_PER_BATCH }, (_, i) => recordOf(this.siteId, first + i));
    const head = { v: WIRE_VERSION, siteId: this.siteId, storeEpoch: this.#storeEpoch, stream: 'events' };
    this.#client.publish(upTopic(this.#shard, this.siteId, 'batch'), JSON.stringify({ ...head, records }), { qos: 1 });
  }
}

/** The same number is the same record, however often it is told. */
function recordOf(siteId: string, seq: number): object {
  const number = (Number(siteId.replace(/\D/g, '')) * 1_000_000 + seq).toString().padStart(12, '0');
  const stamp = { wallMs: 1_795_255_200_000 + seq, monoMs: seq, bootId: '00000000-0000-4000-8000-000000000000' };
  const about = { pileId: null, connectorId: null, sessionId: null, detail: `record ${seq}` };
  const body = { kind: 'alarm.raised', code: 'over-temperature', severity: 'warning', ...about };
  return {
    seq,
    at: { ...stamp, clock: 'trusted' },
    body: { ...body, alarmId: `00000000-0000-4000-8000-${number}` },
  };
}
