import type { LookupFunction } from 'node:net';
import { Agent, buildConnector, request } from 'undici';
import { type LookUp, resolveAllowed, targetOf, type WebhookTarget } from './address-guard.ts';

const TIMEOUT_MS = 15_000;
const RESPONSE_LIMIT = 65_536;
/** Some receivers tell in the text of a good answer that it is none. */
const KEPT_BYTES = 4_096;

export type PostOutcome =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly text: string;
      /** The header as it came; null: there was none. */
      readonly retryAfter: string | null;
    }
  /** `isOurs`: it was broken off here, as this process ends. */
  | { readonly kind: 'failed'; readonly error: string; readonly isOurs?: true };

export interface WebhookPoster {
  /** Never throws: whatever happens on the way is an outcome. */
  post(url: string, headers: Record<string, string>, body: string): Promise<PostOutcome>;
  /** Breaks off what is under way. */
  close(): Promise<void>;
}

/**
 * Sends webhooks. The address is resolved and checked at the moment of connecting, and the connection is made
 * to what was checked, so that a name that changes its mind in between gains nothing. Redirects are not followed.
 */
export function createWebhookPoster(options: {
  readonly lookUp: LookUp;
  readonly devAllow: readonly string[];
  readonly timeoutMs?: number;
}): WebhookPoster {
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const closing = new AbortController();
  const connectTo = (target: WebhookTarget) =>
    buildConnector({ allowH2: false, timeout: timeoutMs, lookup: guardedLookup(target, options.lookUp) });
  // No limit of connections per origin: endpoints of different partners may share a host, and the one that
  // hangs would keep the other waiting. The worker limits what is under way per endpoint.
  const agent = new Agent({
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: (connectOptions, callback) => {
      const port = Number(connectOptions.port) || (connectOptions.protocol === 'https:' ? 443 : 80);
      const target = targetOf(connectOptions.hostname, port, options.devAllow);
      // A literal address is never looked up, so it is checked here.
      resolveAllowed(target, options.lookUp).then(
        () => connectTo(target)(connectOptions, callback),
        (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
      );
    },
  });
  return {
    async post(url, headers, body) {
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]);
      try {
        const response = await request(url, { method: 'POST', headers, body, dispatcher: agent, signal });
        const text = await readSome(response.body);
        const { 'retry-after': retryAfter } = response.headers;
        return {
          kind: 'answered',
          status: response.statusCode,
          text,
          retryAfter: typeof retryAfter === 'string' ? retryAfter : null,
        };
      } catch (error) {
        return { kind: 'failed', error: reasonOf(error), ...(closing.signal.aborted ? { isOurs: true } : {}) };
      }
    },
    async close() {
      closing.abort();
      await agent.destroy();
    },
  };
}

function guardedLookup(target: WebhookTarget, lookUp: LookUp): LookupFunction {
  return (_hostname, lookupOptions, callback) => {
    resolveAllowed(target, lookUp).then(
      (addresses) => {
        const first = addresses[0];
        if (lookupOptions.all) callback(null, [...addresses]);
        else if (first === undefined) callback(new Error('no address'), '');
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), ''),
    );
  };
}

/** The beginning of the answer; reading it to its end lets the connection be used again. */
async function readSome(body: AsyncIterable<Uint8Array> & { destroy(): unknown }): Promise<string> {
  const kept: Uint8Array[] = [];
  let read = 0;
  for await (const chunk of body) {
    if (read < KEPT_BYTES) kept.push(chunk.subarray(0, KEPT_BYTES - read));
    read += chunk.byteLength;
    if (read > RESPONSE_LIMIT) {
      body.destroy();
      break;
    }
  }
  return Buffer.concat(kept).toString('utf8');
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return `${error.message}${cause}`.slice(0, 500);
}
