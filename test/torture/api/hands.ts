import { randomUUID } from 'node:crypto';
import { seededRandom } from '../../../hardware-sim/faults/random.ts';
import type { ApiReply, PartnerClient } from '../../../scripts/start/partner-client.ts';

/** One request that a partner sent, and what came of it. */
export interface Sent {
  readonly partnerId: string;
  readonly requestId: string;
  readonly kind: string;
  /** What numbers sending and answer are among all. */
  readonly sentAs: number;
  readonly answeredAs: number;
  readonly status: number;
  readonly code: string | null;
  /** The answer as it came. */
  readonly body: string;
  readonly retryAfter: string | null;
}

export interface PartnerHands {
  readonly partnerId: string;
  /** One for each process of the API. */
  readonly clients: readonly PartnerClient[];
}

const TWICE = 0.4;
const RIVALLED = 0.3;

/**
 * A partner who asks any process of the API, now and then two of them at the same time for the same, and another one who now and then
 * wants the same connector at that moment. Whatever was answered is remembered.
 */
export class Hands {
  readonly sent: Sent[] = [];
  /** How many requests got no answer. */
  unanswered = 0;
  /** Of those that got none, by partner and request. */
  readonly open = new Set<string>();
  readonly #own: PartnerHands;
  readonly #rival: PartnerHands;
  readonly #random: () => number;
  readonly #waiting: (() => void)[] = [];
  #count = 0;

  constructor(own: PartnerHands, rival: PartnerHands, seed: number) {
    this.#own = own;
    this.#rival = rival;
    this.#random = seededRandom(seed);
  }

  /** The next order of a partner is just being sent. */
  nextOrder(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async send(method: string, path: string, body: string): Promise<ApiReply> {
    if (method !== 'POST') return await this.#clientOf(this.#own).send(method, path, body);
    for (const wake of this.#waiting.splice(0)) wake();
    if (path.endsWith('/start') && this.#random() < RIVALLED) {
      const rivals = JSON.stringify({ ...JSON.parse(body), request_id: `rival-${randomUUID()}` });
      this.#ask(this.#rival, path, rivals).catch(() => {});
    }
    const [first, second] = this.#random() < 0.5 ? [0, 1] : [1, 0];
    const asked = [this.#ask(this.#own, path, body, first)];
    if (this.#random() < TWICE) asked.push(this.#ask(this.#own, path, body, second));
    // Who wants both answers has to wait for the slower one; a partner takes what comes.
    return await Promise.any(asked);
  }

  #clientOf({ clients }: PartnerHands, which = Math.floor(this.#random() * clients.length)): PartnerClient {
    const client = clients[which];
    if (client === undefined) throw new TypeError('no such process');
    return client;
  }

  async #ask(who: PartnerHands, path: string, body: string, which?: number): Promise<ApiReply> {
    const sentAs = this.#next();
    const { request_id: requestId } = JSON.parse(body);
    const { partnerId } = who;
    let reply: ApiReply;
    try {
      reply = await this.#clientOf(who, which).send('POST', path, body);
    } catch (error) {
      this.unanswered += 1;
      this.open.add(`${partnerId} ${requestId}`);
      throw error;
    }
    const kind = path.slice(path.lastIndexOf('/') + 1);
    const { status } = reply;
    const code = status === 202 ? null : String(reply.body?.code);
    const retryAfter = reply.headers.get('retry-after');
    const answer = { status, code, retryAfter, body: JSON.stringify(reply.body) };
    this.sent.push({ partnerId, requestId, kind, sentAs, answeredAs: this.#next(), ...answer });
    return reply;
  }

  #next(): number {
    this.#count += 1;
    return this.#count;
  }
}
