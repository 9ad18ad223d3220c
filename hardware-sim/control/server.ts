import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, refusal } from './answer.ts';
import { type ControlDeps, route } from './routes.ts';

const LOOPBACK = '127.0.0.1';
const MAX_BODY_BYTES = 65_536;

/** A running control API. */
export interface ControlServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the control API on loopback only; port 0 takes a free one. `onError` hears of answers that failed on our side. */
export async function openControlServer(
  port: number,
  deps: ControlDeps,
  onError: (error: unknown) => void,
): Promise<ControlServer> {
  const server = createServer((request, response) => {
    answer(request, deps)
      .catch((error: unknown) => {
        onError(error);
        return refusal(500, 'internal', 'the simulator failed; see its log');
      })
      .then((result) => send(response, result));
  });
  server.listen(port, LOOPBACK);
  await once(server, 'listening');
  const { port: boundPort } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { url: `http://${LOOPBACK}:${boundPort}`, close };
}

async function answer(request: IncomingMessage, deps: ControlDeps): Promise<Answer> {
  const text = await readBody(request);
  if (text === undefined) return refusal(413, 'too-large', `body: more than ${MAX_BODY_BYTES} bytes`);
  const body = parseJson(text);
  if (!body.ok) return refusal(400, 'bad-input', 'body: not JSON');
  const { pathname } = new URL(request.url ?? '/', `http://${LOOPBACK}`);
  const path = pathname.split('/').filter((part) => part !== '');
  return route(deps, { method: request.method ?? 'GET', path, body: body.value });
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): { ok: true; value: unknown } | { ok: false } {
  if (text === '') return { ok: true, value: {} };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false };
  }
}

function send(response: ServerResponse, { status, body }: Answer): void {
  if (body === undefined) {
    response.writeHead(status).end();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
