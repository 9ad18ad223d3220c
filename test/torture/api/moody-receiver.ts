import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seededRandom } from '../../../hardware-sim/faults/random.ts';
import { pass } from '../sync/supervised.ts';
import type { Moments } from './moments.ts';

/** One request that reached the partner. */
export interface Attempt {
  readonly webhookId: string;
  readonly orderId: string | null;
  readonly bodySha256: string;
  readonly isSigned: boolean;
  /** What number it is among all that came. */
  readonly cameAs: number;
  /** What number, in the same count, its answer is; null: it was refused, or got no answer, though it may have been taken. */
  readonly acceptedAs: number | null;
}

export interface MoodyEvent {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a partner reads documents it has no types for
  readonly data: any;
}

type Mood = 'accept' | 'refuse' | 'break-off' | 'break-off-when-done' | 'dawdle';

const SLOW_MS = 700;

/** A partner's webhook endpoint that fails by chance, until it is told to be good: it remembers everything that came. */
export class MoodyReceiver {
  readonly attempts: Attempt[] = [];
  /** Each event once, in the order in which they were first accepted. */
  readonly events: MoodyEvent[] = [];
  readonly url: string;
  readonly hostPort: string;
  /** Given by the platform when the endpoint was registered. */
  secret = '';
  /** How often it fails, 0 to 1. */
  moodiness: number;
  readonly #server: ReturnType<typeof createServer>;
  readonly #random: () => number;
  readonly #taken = new Set<string>();
  readonly #moments: Moments;
  #count = 0;

  private constructor(server: ReturnType<typeof createServer>, seed: number, moodiness: number, moments: Moments) {
    this.#server = server;
    this.#random = seededRandom(seed);
    this.moodiness = moodiness;
    this.#moments = moments;
    const { port } = server.address() as AddressInfo;
    this.hostPort = `127.0.0.1:${port}`;
    this.url = `http://${this.hostPort}/hooks`;
  }

  static async listen(seed: number, moodiness: number, moments: Moments): Promise<MoodyReceiver> {
    const server = createServer((request, response) => void receiver.#take(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const receiver = new MoodyReceiver(server, seed, moodiness, moments);
    return receiver;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request).catch(() => null);
    // A sender that is killed in the middle of it has said nothing.
    if (body === null) return;
    const cameAs = this.#next();
    const webhookId = String(request.headers['webhook-id']);
    const event: MoodyEvent = JSON.parse(body);
    const mood = this.#mood();
    this.#moments.is('webhook');
    if (mood === 'dawdle') await pass(SLOW_MS);
    const isTaken = mood !== 'refuse' && mood !== 'break-off';
    if (isTaken && !this.#taken.has(webhookId)) this.events.push(event);
    if (isTaken) this.#taken.add(webhookId);
    const isAccepted = mood === 'accept' || mood === 'dawdle';
    this.attempts.push({
      webhookId,
      orderId: event.data.order_id ?? null,
      bodySha256: createHash('sha256').update(body).digest('hex'),
      isSigned: this.#isSigned(request, webhookId, body),
      cameAs,
      acceptedAs: isAccepted ? this.#next() : null,
    });
    if (mood === 'break-off' || mood === 'break-off-when-done') request.socket.destroy();
    else response.writeHead(isAccepted ? 204 : 503).end();
    this.#moments.is('webhook-answered');
  }

  #next(): number {
    this.#count += 1;
    return this.#count;
  }

  #mood(): Mood {
    if (this.#random() >= this.moodiness) return 'accept';
    const moods = ['refuse', 'break-off', 'break-off-when-done', 'dawdle'] as const;
    return moods[Math.floor(this.#random() * moods.length)] ?? 'refuse';
  }

  #isSigned(request: IncomingMessage, id: string, body: string): boolean {
    const key = Buffer.from(this.secret.replace(/^whsec_/, ''), 'base64');
    const text = `${id}.${String(request.headers['webhook-timestamp'])}.${body}`;
    const expected = `v1,${createHmac('sha256', key).update(text).digest('base64')}`;
    return String(request.headers['webhook-signature']).split(' ').includes(expected);
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
