import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';

export interface Sent {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly elapsedMs: number;
}

const GIVE_UP_MS = 30_000;

/** Sends requests to one server, each exactly as it is given: nothing is normalised, and nothing is sent again. */
export class Sender {
  readonly #baseUrl: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  constructor(baseUrl: string) {
    this.#baseUrl = new URL(baseUrl);
  }

  /** @throws Error when no whole answer comes */
  send({ method, target, headers, body }: Sent): Promise<Answered> {
    const beganMs = performance.now();
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          agent: this.#agent,
          host: this.#baseUrl.hostname,
          port: this.#baseUrl.port,
          method,
          path: target,
          headers: {
            ...headers,
            ...((body.length > 0 || method !== 'GET') && { 'content-length': String(body.length) }),
          },
          timeout: GIVE_UP_MS,
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.once('error', reject);
          incoming.once('end', () =>
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              body: Buffer.concat(chunks),
              elapsedMs: performance.now() - beganMs,
            }),
          );
        },
      );
      outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${GIVE_UP_MS} ms`)));
      outgoing.once('error', reject);
      outgoing.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The same request for a terminal. A signature is good for five minutes and once: sign it anew to send it again. */
export function asCurl(baseUrl: string, { method, target, headers, body }: Sent): string {
  const given = Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`);
  const data = body.length === 0 ? [] : ['--data-binary', '@-'];
  const curl = ['curl', '-sS', '--path-as-is', '-X', method, ...given, ...data, quoted(baseUrl + target)].join(' ');
  return body.length === 0 ? curl : `echo ${body.toString('base64')} | base64 -d | ${curl}`;
}
