import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildApp } from '../../cloud/app.ts';
import { SERVER_LIMITS } from '../../cloud/http/server-limits.ts';
import { setTheStage } from '../../cloud/testing/fixtures.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';

/** OWASP API4:2023, unrestricted resource consumption, and API8:2023, misconfiguration: what is sent byte by byte on a real connection. */

const lines: string[] = [];
/** Short, so that a test need not wait as long as a stranger would. */
const HURRY = { ...SERVER_LIMITS, headersMs: 400, requestMs: 800, silenceMs: 600, lookEveryMs: 100, connections: 40 };
let cloud: TestCloud;
let port: number;
let hurried: Awaited<ReturnType<typeof buildApp>>;
let hurriedPort: number;

const portOf = (url: string): number => Number(new URL(url).port);

beforeAll(async () => {
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  cloud = await startTestCloud({ logger, config: { trustedProxies: ['127.0.0.1'] } });
  await setTheStage(cloud, { name: 'wire' });
  port = portOf(cloud.httpUrl);
  hurried = await buildApp({
    context: { ...cloud.context, logger },
    staffToken: cloud.staffToken,
    publicUrl: null,
    readiness: () => Promise.reject(new Error('not asked here')),
    limits: HURRY,
  });
  hurriedPort = portOf(await hurried.listen({ host: '127.0.0.1', port: 0 }));
});
afterAll(async () => {
  await hurried?.close();
  await cloud?.stop();
});

const closing = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

async function open(to = port): Promise<Socket> {
  const socket = connect(to, '127.0.0.1');
  // Whoever is cut off has an error at times, and at times just an end.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Sends bytes, and reads until the server ends the connection or has nothing more to say for a while. */
async function exchange(bytes: string | Buffer, quietMs = 300): Promise<string> {
  const socket = await open();
  let heard = '';
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1');
  });
  socket.write(bytes);
  const closed = closing(socket);
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  // A busy machine may take its time for the first word; what comes after it comes at once.
  for (let waits = 0, before = -1; !socket.closed && waits < 40; waits += 1) {
    await Promise.race([closed, pause(quietMs)]);
    if (heard !== '' && heard.length === before) break;
    before = heard.length;
  }
  socket.destroy();
  return heard;
}

const answersIn = (heard: string): number[] =>
  [...heard.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
const withLines = (...parts: string[]): string => parts.join('\r\n');
const POST = 'POST /staff/v1/partners HTTP/1.1';
const HOST = 'Host: cloud.example';
const SMUGGLED = 'GET /healthz HTTP/1.1\r\nHost: cloud.example\r\n\r\n';

test.each([
  ['two lengths', withLines(POST, HOST, 'Content-Length: 5', 'Content-Length: 60', '', `12345${SMUGGLED}`)],
  [
    'a length and chunks',
    withLines(POST, HOST, 'Content-Length: 5', 'Transfer-Encoding: chunked', '', `0\r\n\r\n${SMUGGLED}`),
  ],
  [
    'chunks and a length',
    withLines(POST, HOST, 'Transfer-Encoding: chunked', 'Content-Length: 5', '', `0\r\n\r\n${SMUGGLED}`),
  ],
  ['an encoding that is none', withLines(POST, HOST, 'Transfer-Encoding: xchunked', '', `0\r\n\r\n${SMUGGLED}`)],
  ['chunked, but not last', withLines(POST, HOST, 'Transfer-Encoding: chunked, identity', '', `0\r\n\r\n${SMUGGLED}`)],
  ['a folded header', withLines(POST, HOST, 'X-A: 1', ' Content-Length: 60', '', SMUGGLED)],
  ['a blank before the colon', withLines(POST, HOST, 'Content-Length : 60', '', SMUGGLED)],
  ['bare line feeds', `POST /staff/v1/partners HTTP/1.1\nHost: x\nContent-Length: 0\n\n${SMUGGLED}`],
  ['a length with a sign', withLines(POST, HOST, 'Content-Length: +5', '', `12345${SMUGGLED}`)],
  ['a length in hexadecimal', withLines(POST, HOST, 'Content-Length: 0x5', '', `12345${SMUGGLED}`)],
  ['a chunk of a negative size', withLines(POST, HOST, 'Transfer-Encoding: chunked', '', `-1\r\n\r\n${SMUGGLED}`)],
  ['no host', withLines('GET /healthz HTTP/1.1', 'X-A: 1', '', '')],
  ['a NUL in a header', withLines('GET /healthz HTTP/1.1', HOST, 'X-A: a\0b', '', '')],
  ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
])(
  'API8:2023 %s: the request is refused with a problem, the connection ends, and nothing behind it is answered',
  async (_what, bytes) => {
    const heard = await exchange(bytes);
    expect(
      answersIn(heard).every((status) => status === 400 || status === 415),
      heard,
    ).toBe(true);
    expect(heard).toContain('400 Bad Request');
    expect(heard).toContain('Connection: close');
    // Without a host Node itself refuses, without a word.
    const isByNode = heard.startsWith('HTTP/1.1 400 Bad Request\r\nConnection: close');
    expect(isByNode || heard.includes('request.invalid')).toBe(true);
  },
);

test('API8:2023 OP-07 a signature, a key or a token that comes twice is no credential', async () => {
  const twice = (name: string, value: string) =>
    withLines(
      'GET /v1/stations HTTP/1.1',
      HOST,
      ...[
        'Pilegate-Key: k',
        'Pilegate-Timestamp: 1',
        'Pilegate-Nonce: 1234567890123456',
        `Pilegate-Signature: v1=${'0'.repeat(64)}`,
      ].filter((line) => !line.startsWith(name)),
      `${name}: ${value}`,
      `${name}: ${value}`,
      'Connection: close',
      '',
      '',
    );
  for (const [name, value] of [
    ['Pilegate-Key', 'k'],
    ['Pilegate-Signature', `v1=${'0'.repeat(64)}`],
    ['Pilegate-Timestamp', '1'],
    ['Pilegate-Nonce', '1234567890123456'],
  ] as const) {
    const heard = await exchange(twice(name, value));
    expect(answersIn(heard), name).toEqual([401]);
    expect(heard).not.toContain('platform.internal');
  }
});

test('API4:2023 headers and bodies beyond the limits are refused, whether their length is told or not', async () => {
  const long = await exchange(withLines('GET /healthz HTTP/1.1', HOST, `X-A: ${'a'.repeat(20_000)}`, '', ''));
  expect(answersIn(long)).toEqual([431]);
  expect(long).toContain('request.too_large');
  const token = `Authorization: Bearer ${cloud.staffToken}`;
  const type = 'Content-Type: application/json';
  const told = await exchange(withLines(POST, HOST, token, type, 'Content-Length: 5000000000', '', '{'));
  expect(answersIn(told)).toEqual([413]);
  const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`;
  const untold = await exchange(
    withLines(POST, HOST, token, type, 'Transfer-Encoding: chunked', '', chunk.repeat(8)),
    600,
  );
  expect(answersIn(untold)).toEqual([413]);
});

test('API4:2023 OP-08 who sends his headers or his body drop by drop, or does not read, or says nothing, is cut off in time', async () => {
  const drip = async (first: string, drop: string): Promise<number> => {
    const socket = await open(hurriedPort);
    const beganMs = performance.now();
    socket.write(first);
    const timer = setInterval(() => socket.write(drop), 50);
    socket.resume();
    await closing(socket);
    clearInterval(timer);
    return performance.now() - beganMs;
  };
  const [headers, body, silent] = await Promise.all([
    drip('GET /healthz HTTP/1.1\r\nHost: x\r\n', 'X-A: a\r\n'),
    drip(withLines(POST, HOST, `Authorization: Bearer ${cloud.staffToken}`, 'Content-Length: 60000', '', '{'), ' '),
    drip('', ''),
  ]);
  for (const ms of [headers, body, silent]) expect(ms).toBeLessThan(4_000);
  const deaf = await open(hurriedPort);
  deaf.pause();
  const gone = closing(deaf);
  // Answers of which nobody takes any, until no more fit on the way.
  for (let n = 0; n < 400 && !deaf.destroyed; n += 1)
    deaf.write('GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n');
  setTimeout(() => deaf.resume(), 2_500);
  await gone;
  expect((await fetch(`http://127.0.0.1:${hurriedPort}/healthz`)).status).toBe(200);
}, 20_000);

test('API4:2023 more connections than are allowed are closed at once, and the others are served', async () => {
  const sockets = await Promise.all(Array.from({ length: HURRY.connections + 20 }, () => open(hurriedPort)));
  for (const socket of sockets) socket.resume();
  await expect.poll(() => sockets.filter((socket) => socket.closed).length).toBeGreaterThanOrEqual(20);
  for (const socket of sockets) socket.destroy();
  await expect
    .poll(async () => (await fetch(`http://127.0.0.1:${hurriedPort}/healthz`).catch(() => null))?.status)
    .toBe(200);
});

test('API8:2023 the limits of service are set', () => {
  const { server } = cloud.app;
  expect([server.headersTimeout, server.requestTimeout, server.timeout, server.keepAliveTimeout]).toEqual([
    15_000, 60_000, 120_000, 72_000,
  ]);
  expect(server.maxConnections).toBe(5_000);
});

const asked = async (method: string, path: string, ...headers: string[]) =>
  exchange(withLines(`${method} ${path} HTTP/1.1`, HOST, ...headers, 'Connection: close', '', ''));

test('API8:2023 other methods than those that are described do nothing', async () => {
  for (const method of ['TRACE', 'OPTIONS', 'PUT', 'CONNECT', 'PROPFIND', 'PURGE', 'get', 'FOO']) {
    const [status] = answersIn(await asked(method, '/v1/stations', 'X-HTTP-Method-Override: GET'));
    // Nothing is opened for CONNECT: the connection just ends.
    expect(status === undefined ? 405 : status, method).toBeGreaterThanOrEqual(400);
    expect(status ?? 405, method).toBeLessThan(500);
  }
  const head = await asked('HEAD', '/v1/stations');
  expect(answersIn(head)).toEqual([401]);
  expect(head.split('\r\n\r\n')[1]).toBe('');
});

test('API8:2023 no page of another origin may read anything, or put anything of ours into a frame', async () => {
  for (const path of ['/v1/stations', '/openapi.json', '/healthz', '/docs/']) {
    const heard = (await asked('GET', path, 'Origin: https://evil.example')).toLowerCase();
    expect(heard, path).not.toContain('access-control-');
    expect(heard, path).toContain('x-content-type-options: nosniff');
    expect(heard, path).toContain('x-frame-options: deny');
    expect(heard, path).toContain('content-security-policy:');
    expect(heard, path).not.toContain('x-powered-by');
  }
  const preflight = await asked(
    'OPTIONS',
    '/v1/stations',
    'Origin: https://evil.example',
    'Access-Control-Request-Method: GET',
  );
  expect(preflight.toLowerCase()).not.toContain('access-control-');
  expect((await asked('GET', '/v1/stations')).toLowerCase()).toContain('cache-control: private, no-cache');
  expect((await asked('GET', '/staff/v1/alarms')).toLowerCase()).toContain('cache-control: no-store');
});

test('API8:2023 the name in the Host header is in nothing that is answered', async () => {
  for (const path of ['/openapi.json', '/docs/', '/docs/static/swagger-initializer.js', '/nothing', '/v1/stations']) {
    const heard = await exchange(
      withLines(
        `GET ${path} HTTP/1.1`,
        'Host: evil.example',
        'X-Forwarded-Host: evil.example',
        'Connection: close',
        '',
        '',
      ),
    );
    expect(heard, path).not.toContain('evil.example');
  }
});

test('API8:2023 no line that a caller chooses gets into the headers of an answer or into the log', async () => {
  const forged = '%0d%0aSet-Cookie:%20a=b%0d%0a%0a{"level":60,"msg":"forged"}';
  const control = '\u001b[2J';
  for (const path of [
    `/v1/stations/${forged}`,
    `/nothing${forged}`,
    `/v1/orders?cursor=${forged}`,
    `/staff/v1/alarms/${forged}/close`,
  ]) {
    const heard = await asked(
      'GET',
      path,
      `X-Forwarded-For: 1.2.3.4${control}`,
      `User-Agent: ${control}`,
      'Pilegate-Key: a{"level":60}b',
    );
    expect(heard.split('\r\n\r\n')[0]?.toLowerCase(), path).not.toContain('set-cookie');
  }
  const login = JSON.stringify({ staff_id: 'nobody', password: 'x\n{"level":60}', code: '000000' });
  await fetch(`${cloud.httpUrl}/staff/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: login,
  });
  expect(lines.length).toBeGreaterThan(5);
  for (const line of lines) {
    expect(line.indexOf('\n')).toBe(line.length - 1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f]/);
    expect(['forged', 'request fails']).not.toContain(JSON.parse(line).msg);
  }
});

test('API8:2023 OP-22 what is refused tells nothing of the inside', async () => {
  for (const path of [
    '/v1/%zz',
    '/v1/stations',
    '/staff/v1/accounts',
    '/../../etc/passwd',
    '/.git/config',
    '/v1/orders/1',
    '/docs/..%2f..%2fpackage.json',
  ]) {
    const heard = await asked('GET', path);
    const [status = 0] = answersIn(heard);
    expect(status, path).toBeGreaterThanOrEqual(400);
    expect(heard, path).not.toMatch(/node_modules|\.ts:\d|at .*\(|stack|select .* from/i);
    expect(heard, path).toContain('application/problem+json');
  }
});
