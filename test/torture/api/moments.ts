import { gunzipSync } from 'node:zlib';
import mqtt from 'mqtt';

/**
 * What a kill is aimed at: a request was just sent, or accepted; a command, or one that is a start, is on its way to the site; the site has
 * just told something; a webhook has just come, or has just been answered.
 */
export type Moment = 'sent' | 'accepted' | 'command' | 'start-command' | 'told' | 'webhook' | 'webhook-answered';

const GZIP_BEGINS = 0x1f;
const ALL_TOLD = 'pilegate/v1/+/+/up/batch';
const ALL_COMMANDS = 'pilegate/v1/+/+/down/command';
const LISTEN_AGAIN_MS = 100;

/** Lets somebody wait for the next moment of a kind. */
export class Moments {
  readonly #waiting = new Map<Moment, ((process: number | null) => void)[]>();

  /** @returns which process of the API has to do with it; null: none */
  next(moment: Moment): Promise<number | null> {
    return new Promise((resolve) => {
      this.#waiting.set(moment, [...(this.#waiting.get(moment) ?? []), resolve]);
    });
  }

  /** It is now. */
  is(moment: Moment, process: number | null = null): void {
    const waiting = this.#waiting.get(moment) ?? [];
    this.#waiting.delete(moment);
    for (const resolve of waiting) resolve(process);
  }
}

/** Listens to what site and cloud tell each other. @returns what ends it */
export function overhear(brokerUrl: string, moments: Moments): () => Promise<void> {
  const client = mqtt.connect(brokerUrl, { reconnectPeriod: LISTEN_AGAIN_MS });
  // The broker is killed now and then; then it is tried again.
  client.on('error', () => {});
  client.on('connect', () => client.subscribe([ALL_TOLD, ALL_COMMANDS], () => {}));
  client.on('message', (topic, payload) => {
    const message = read(payload);
    if (!topic.endsWith('/command')) return message.stream === 'events' ? moments.is('told') : undefined;
    moments.is('command');
    if (message.kind === 'start') moments.is('start-command');
  });
  return () => client.endAsync(true);
}

function read(payload: Buffer): { readonly stream?: string; readonly kind?: string } {
  const text = payload[0] === GZIP_BEGINS ? gunzipSync(payload) : payload;
  return JSON.parse(text.toString('utf8'));
}
