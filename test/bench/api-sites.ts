import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import mqtt, { type MqttClient } from 'mqtt';
import { decode } from '../../shared/wire/decode.ts';
import { commandSchema, type StartCommand } from '../../shared/wire/messages.ts';
import { allDown, upTopic, WIRE_VERSION } from '../../shared/wire/topics.ts';

/**
 * Sites without hardware that take every start and confirm it, in a process of their own. Started as
 * `api-sites.ts <broker url> <sites> <connectors per site>`; says one line of JSON when all are welcomed.
 */
const LIVE_EVERY_MS = 5000;
/** As long as a pile takes to begin. */
const CONFIRMED_AFTER_MS = 1000;
const HELLO_AGAIN_MS = 5000;
const CONNECT_AT_ONCE = 25;
const SHARDS = 64;

const BOOT_ID = randomUUID();
const stamp = () => ({ wallMs: Date.now(), monoMs: Math.round(performance.now()), bootId: BOOT_ID, clock: 'trusted' });

class RespondingSite {
  readonly #siteId: string;
  readonly #shard: number;
  readonly #client: MqttClient;
  readonly #connectionEpoch = randomUUID();
  readonly #storeEpoch = randomUUID();
  /** By connector: the session that runs there. */
  readonly #sessions = new Map<string, string | null>();
  readonly #waiting: object[] = [];
  readonly #taken = new Set<string>();
  #seq = 0;
  #isTelling = false;
  #onWelcome: () => void = () => {};

  private constructor(client: MqttClient, siteId: string, shard: number, connectorIds: readonly string[]) {
    this.#client = client;
    this.#siteId = siteId;
    this.#shard = shard;
    for (const connectorId of connectorIds) this.#sessions.set(connectorId, null);
    client.on('message', (topic, payload) => this.#hear(topic.slice(topic.lastIndexOf('/') + 1), payload));
  }

  static async connect(brokerUrl: string, number: number, connectors: number): Promise<RespondingSite> {
    const siteId = `bench-${number}`;
    const shard = number % SHARDS;
    const client = await mqtt.connectAsync(brokerUrl, { clientId: siteId, protocolVersion: 4, clean: true });
    const connectorIds = Array.from({ length: connectors }, (_, i) => `${siteId}-c${i}`);
    const site = new RespondingSite(client, siteId, shard, connectorIds);
    await client.subscribeAsync(allDown(shard, siteId), { qos: 1 });
    const welcomed = new Promise<void>((resolve) => {
      site.#onWelcome = resolve;
    });
    const streams = [{ stream: 'events', headSeq: 0, ackedSeq: 0 }];
    const hello = () =>
      site.#say('hello', { software: 'bench', at: stamp(), streams, runningSessions: [], documents: [] });
    hello();
    const again = setInterval(hello, HELLO_AGAIN_MS);
    await welcomed;
    clearInterval(again);
    site.#live();
    setTimeout(() => setInterval(() => site.#live(), LIVE_EVERY_MS), Math.random() * LIVE_EVERY_MS);
    return site;
  }

  #hear(kind: string, payload: Buffer): void {
    if (kind === 'welcome') this.#onWelcome();
    if (kind === 'ack') this.#tellNext(true);
    if (kind !== 'command') return;
    const command = decode(commandSchema, payload);
    if (command.kind !== 'start' || this.#taken.has(command.commandId)) return;
    this.#taken.add(command.commandId);
    this.#tell(this.#reported(command, 'received'));
    setTimeout(() => this.#confirm(command), CONFIRMED_AFTER_MS);
  }

  #reported(command: StartCommand, status: 'received' | 'done'): object {
    const of = { commandId: command.commandId, sessionId: null, code: null, detail: null };
    return { kind: 'command.reported', status, ...of };
  }

  #confirm(command: StartCommand): void {
    const { connectorId, orderId, commandId } = command;
    const sessionId = randomUUID();
    this.#sessions.set(connectorId, sessionId);
    const of = { sessionId, pileId: `${connectorId}-p`, connectorId, orderId, commandId };
    this.#tell({ kind: 'session.started', ...of, startedAt: stamp(), meterStartWh: 1000, limitMa: 16_000 });
  }

  #tell(body: object): void {
    this.#seq += 1;
    this.#waiting.push({ seq: this.#seq, at: stamp(), body });
    this.#tellNext(false);
  }

  /** One batch at a time, of all that has come up meanwhile. */
  #tellNext(isAnswered: boolean): void {
    if (isAnswered) this.#isTelling = false;
    if (this.#isTelling || this.#waiting.length === 0) return;
    this.#isTelling = true;
    this.#say('batch', { stream: 'events', records: this.#waiting.splice(0) });
  }

  #live(): void {
    const connectors = [...this.#sessions].map(([connectorId, sessionId]) => ({
      connectorId,
      pileId: `${connectorId}-p`,
      status: sessionId === null ? 'plugged' : 'charging',
      plugged: true,
      sessionId,
      energyWh: null,
      powerW: sessionId === null ? 0 : 7000,
      currentMa: sessionId === null ? 0 : 16_000,
      temperatureC: 21,
      observedAtMs: Date.now(),
      faults: [],
    }));
    this.#say('state', { at: stamp(), connectors });
  }

  #say(kind: 'hello' | 'state' | 'batch', message: object): void {
    const head = { v: WIRE_VERSION, siteId: this.#siteId, connectionEpoch: this.#connectionEpoch };
    const text = JSON.stringify({ ...head, storeEpoch: this.#storeEpoch, ...message });
    this.#client.publish(upTopic(this.#shard, this.#siteId, kind), text, { qos: 1 });
  }
}

const [brokerUrl = '', sites, connectors] = process.argv.slice(2);
for (let from = 0; from < Number(sites); from += CONNECT_AT_ONCE) {
  const count = Math.min(CONNECT_AT_ONCE, Number(sites) - from);
  const numbers = Array.from({ length: count }, (_, i) => from + i);
  await Promise.all(numbers.map((n) => RespondingSite.connect(brokerUrl, n, Number(connectors))));
}
process.stdout.write(`${JSON.stringify({ sites: Number(sites) })}\n`);
await once(process, 'SIGTERM');
process.exit(0);
