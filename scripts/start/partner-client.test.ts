import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { PartnerClient } from './partner-client.ts';

test('OP-08 who is told to wait waits, and asks again with another nonce', async () => {
  const nonces: unknown[] = [];
  const server = createServer((request, response) => {
    nonces.push(request.headers['pilegate-nonce']);
    response.writeHead(nonces.length === 1 ? 429 : 200, { 'retry-after': '1' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new PartnerClient(`http://127.0.0.1:${port}`, { keyId: 'pk', secret: 'sk' });
  const fromMs = performance.now();
  expect((await client.get('/v1/stations')).status).toBe(200);
  expect(performance.now() - fromMs).toBeGreaterThanOrEqual(990);
  expect(new Set(nonces).size).toBe(2);
  server.closeAllConnections();
  server.close();
});
