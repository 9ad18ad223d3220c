import { type Random, seededRandom } from '../../../hardware-sim/faults/random.ts';
import type { ApiReply, PartnerClient } from '../../../scripts/start/partner-client.ts';
import { Asker } from '../sync/asker.ts';
import { oneOf } from '../sync/plan.ts';
import { pass } from '../sync/supervised.ts';
import type { Moments } from './moments.ts';

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
const RIVALLED = 0.25;
/** How often an old request is asked once more, beside a new one. */
const REMEMBERED = 0.3;
/** For so long a rival keeps what he has reserved. */
const LONGEST_RIVAL_HOLD_MS = 1500;

/**
 * A partner who asks any process of the API, now and then two of them at the same time for the same, or once more for what was accepted
 * long ago, and another one who now and then wants the same connector at that moment. Whatever was answered is remembered.
 */
export class Hands {
  readonly sent: Sent[] = [];
  /** How many requests got no answer. */
  unanswered = 0;
  /** Of those that got none, by partner and request. */
  readonly open = new Set<string>();
  readonly #own: PartnerHands;
  readonly #rival: PartnerHands;
  readonly #rivalAsks: Asker;
  readonly #random: Random;
  readonly #moments: Moments;
  readonly #accepted: { readonly path: string; readonly body: string }[] = [];
  readonly #beside = new Set<Promise<unknown>>();
  #count = 0;

  constructor(own: PartnerHands, rival: PartnerHands, seed: number, moments: Moments) {
    this.#own = own;
    this.#rival = rival;
    this.#random = seededRandom(seed);
    this.#moments = moments;
    this.#rivalAsks = new Asker({ send: (method, path, body) => this.#sendOnce(this.#rival, method, path, body) });
  }

  async send(method: string, path: string, body: string): Promise<ApiReply> {
    if (method !== 'POST') return await this.#sendOnce(this.#own, method, path, body);
    if (this.#random() < RIVALLED) this.#besides(this.#rivalFor(path, JSON.parse(body)));
    const old = this.#random() < REMEMBERED ? this.#accepted[this.#upTo(this.#accepted.length)] : undefined;
    if (old !== undefined) this.#besides(this.#ask(this.#own, old.path, old.body));
    const [first, second] = this.#random() < 0.5 ? [0, 1] : [1, 0];
    const asked = [this.#ask(this.#own, path, body, first)];
    if (this.#random() < TWICE) asked.push(this.#ask(this.#own, path, body, second));
    const reply = await firstOf(asked);
    if (reply.status === 202) this.#accepted.push({ path, body });
    return reply;
  }

  /** Whatever was asked beside has its answer, and no rival holds anything. */
  async settled(): Promise<void> {
    while (this.#beside.size > 0) await Promise.all(this.#beside);
  }

  #besides(asked: Promise<unknown>): void {
    const over: Promise<unknown> = asked.catch(() => {}).finally(() => this.#beside.delete(over));
    this.#beside.add(over);
  }

  /** He wants the same connector, or to end what is another's. What he has reserved he gives back. */
  async #rivalFor(
    path: string,
    { request_id: _, reservation_id: __, ...body }: Record<string, unknown>,
  ): Promise<void> {
    const refused: string[] = [];
    if (path.endsWith('/start')) await this.#rivalAsks.ask('start', body, refused);
    if (path.endsWith('/stop')) await this.#rivalAsks.ask('stop', body, refused);
    if (!path.endsWith('/reserve')) return;
    const reserved = await this.#rivalAsks.ask('reserve', body, refused);
    if (reserved === null) return;
    await pass(this.#upTo(LONGEST_RIVAL_HOLD_MS));
    await this.#rivalAsks.ask('cancel-reservation', { reservation_id: reserved.reservationId }, refused);
  }

  #upTo(most: number): number {
    return Math.floor(this.#random() * most);
  }

  #sendOnce(who: PartnerHands, method: string, path: string, body: string): Promise<ApiReply> {
    if (method === 'POST') return this.#ask(who, path, body);
    return oneOf(this.#random, who.clients).send(method, path, body);
  }

  async #ask(who: PartnerHands, path: string, body: string, process?: number): Promise<ApiReply> {
    const { partnerId, clients } = who;
    const which = process ?? this.#upTo(clients.length);
    const client = clients[which];
    if (client === undefined) throw new TypeError('no such process');
    const sentAs = this.#next();
    const { request_id: requestId } = JSON.parse(body);
    let reply: ApiReply;
    try {
      const coming = client.send('POST', path, body);
      this.#moments.is('sent', which);
      reply = await coming;
    } catch (error) {
      this.unanswered += 1;
      this.open.add(`${partnerId} ${requestId}`);
      throw error;
    }
    const kind = path.slice(path.lastIndexOf('/') + 1);
    const { status } = reply;
    if (status === 202) this.#moments.is('accepted', which);
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

/** The first acceptance. A refusal has left nothing behind, so the other sending may still be accepted: it counts when all say so. */
async function firstOf(asked: readonly Promise<ApiReply>[]): Promise<ApiReply> {
  const accepted = asked.map(async (one) => {
    const reply = await one;
    if (reply.status !== 202) throw new Error('refused');
    return reply;
  });
  return await Promise.any(accepted).catch(async () => {
    const [reply] = await Promise.all(asked);
    if (reply === undefined) throw new TypeError('nobody was asked');
    return reply;
  });
}
