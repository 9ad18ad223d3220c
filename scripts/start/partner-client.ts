import { createHash, createHmac, randomUUID } from 'node:crypto';

export interface PartnerKey {
  readonly keyId: string;
  readonly secret: string;
}

export interface ApiReply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a partner reads documents it has no types for
  readonly body: any;
}

export interface SigningDetails {
  readonly timestampS?: number;
  readonly nonce?: string;
  readonly signature?: string;
}

const MOST_TRIES = 40;
const RETRY_AFTER_MS = 500;
const TOO_MANY = 429;

/**
 * A partner's client, written from the documentation as a partner would write it: it shares no code with the cloud.
 * Each attempt is signed over method, path, time, nonce and body digest.
 */
export class PartnerClient {
  readonly #baseUrl: string;
  readonly #key: PartnerKey;

  constructor(baseUrl: string, key: PartnerKey) {
    this.#baseUrl = baseUrl;
    this.#key = key;
  }

  get(path: string): Promise<ApiReply> {
    return this.#untilAnswered(() => this.send('GET', path, ''));
  }

  post(path: string, body: object): Promise<ApiReply> {
    return this.#untilAnswered(() => this.send('POST', path, JSON.stringify(body)));
  }

  /**
   * A request that nobody answered is repeated as it is, signed anew: its `request_id` makes that harmless. So is one that came too
   * early, after the time that the answer names.
   */
  async #untilAnswered(attempt: () => Promise<ApiReply>): Promise<ApiReply> {
    for (let tries = 1; ; tries += 1) {
      let waitMs = RETRY_AFTER_MS;
      try {
        const reply = await attempt();
        if (reply.status !== TOO_MANY || tries >= MOST_TRIES) return reply;
        waitMs = Number(reply.headers.get('retry-after') ?? '1') * 1000;
      } catch (error) {
        if (tries >= MOST_TRIES) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  async send(method: string, path: string, body: string, details: SigningDetails = {}): Promise<ApiReply> {
    const timestamp = String(details.timestampS ?? Math.floor(Date.now() / 1000));
    const nonce = details.nonce ?? randomUUID();
    const bodyDigest = createHash('sha256').update(body).digest('hex');
    const text = ['v1', method, path, timestamp, nonce, bodyDigest].join('\n');
    const signature = details.signature ?? createHmac('sha256', this.#key.secret).update(text).digest('hex');
    const reply = await fetch(this.#baseUrl + path, {
      method,
      headers: {
        ...(body === '' ? {} : { 'content-type': 'application/json' }),
        'pilegate-key': this.#key.keyId,
        'pilegate-timestamp': timestamp,
        'pilegate-nonce': nonce,
        'pilegate-signature': `v1=${signature}`,
      },
      ...(body === '' ? {} : { body }),
    });
    const text_ = await reply.text();
    return { status: reply.status, headers: reply.headers, body: text_ === '' ? null : JSON.parse(text_) };
  }
}
