import type { FastifyInstance } from 'fastify';
import type { Clock } from '#shared/clock.ts';
import { signatureOf, signedText } from '../partners/signature.ts';
import { systemRandom } from '../random.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever was answered, and assert what they expect
  readonly body: any;
}

export interface CallOverrides {
  readonly nonce?: string;
  readonly timestampS?: number;
  /** Replaces headers after signing. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in place of what was signed. */
  readonly sentBody?: string;
  readonly sentPath?: string;
}

export interface PartnerClient {
  call(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
    overrides?: CallOverrides,
  ): Promise<Answer>;
}

/** Calls the API as a partner does: every request signed. */
export function createPartnerClient(
  app: FastifyInstance,
  clock: Clock,
  key: { key_id: string; secret: string },
): PartnerClient {
  return {
    async call(method, path, body, overrides = {}) {
      const text = body === undefined ? '' : JSON.stringify(body);
      const timestamp = String(overrides.timestampS ?? Math.floor(clock.wallMs() / 1000));
      const nonce = overrides.nonce ?? systemRandom.bytes(16).toString('hex');
      const signed = { method, target: path, timestamp, nonce, body: Buffer.from(text) };
      const sent = overrides.sentBody ?? text;
      const response = await app.inject({
        method,
        url: overrides.sentPath ?? path,
        headers: {
          ...(sent === '' ? {} : { 'content-type': 'application/json' }),
          'pilegate-key': key.key_id,
          'pilegate-timestamp': timestamp,
          'pilegate-nonce': nonce,
          'pilegate-signature': signatureOf(key.secret, signedText(signed)),
          ...overrides.headers,
        },
        ...(sent === '' ? {} : { payload: sent }),
      });
      return {
        status: response.statusCode,
        headers: response.headers,
        body: response.body === '' ? null : JSON.parse(response.body),
      };
    },
  };
}
