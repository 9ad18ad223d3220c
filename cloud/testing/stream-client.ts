import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Clock } from '#shared/clock.ts';
import { signatureOf, signedText } from '../partners/signature.ts';
import { systemRandom } from '../random.ts';
import { type StreamMessage, streamMessageSchema } from '../streaming/messages.ts';

type ChargeProgress = Extract<StreamMessage, { type: 'progress' }>['charges'][number];

export interface StreamClient {
  readonly socket: WebSocket;
  /** Everything that has come, in order. */
  readonly messages: StreamMessage[];
  /** Changes that have come, as `connector:previous>status@position`. */
  changes(): string[];
  /** The progress that was told, in order: one list of charges each time. */
  progress(): ChargeProgress[][];
  /** The last position that was told. */
  position(): string;
  /** Resolves with the code when it is closed. */
  closed(): Promise<number>;
  close(): void;
}

/**
 * Opens a status stream as a partner does.
 *
 * @throws Error with the status and the body of a refusal
 */
export async function openStreamClient(
  httpUrl: string,
  clock: Clock,
  key: { key_id: string; secret: string },
  query = '',
): Promise<StreamClient> {
  const target = `/v1/status-stream${query}`;
  const timestamp = String(Math.floor(clock.wallMs() / 1000));
  const nonce = systemRandom.bytes(16).toString('hex');
  const text = signedText({ method: 'GET', target, timestamp, nonce, body: Buffer.alloc(0) });
  const socket = new WebSocket(`${httpUrl.replace('http', 'ws')}${target}`, {
    headers: {
      'pilegate-key': key.key_id,
      'pilegate-timestamp': timestamp,
      'pilegate-nonce': nonce,
      'pilegate-signature': signatureOf(key.secret, text),
    },
  });
  const messages: StreamMessage[] = [];
  socket.on('message', (data) => messages.push(streamMessageSchema.parse(JSON.parse(String(data)))));
  const closed = new Promise<number>((resolve) => {
    socket.once('close', (code) => resolve(code));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += String(chunk);
      });
      once(response, 'end').then(() => reject(new Error(`${response.statusCode} ${JSON.parse(body).code}`)), reject);
    });
  });
  return {
    socket,
    messages,
    changes: () =>
      messages.flatMap((message) =>
        message.type === 'changes'
          ? message.changes.map((one) => `${one.connector_id}:${one.previous_status}>${one.status}@${one.position}`)
          : [],
      ),
    progress: () => messages.flatMap((message) => (message.type === 'progress' ? [message.charges] : [])),
    position: () => messages.flatMap((message) => ('position' in message ? message.position : [])).at(-1) ?? '',
    closed: () => closed,
    close: () => socket.close(),
  };
}
