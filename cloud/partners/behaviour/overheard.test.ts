import { afterAll, beforeAll, expect, test } from 'vitest';
import { setTheStage, staffPost } from '../../testing/fixtures.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../testing/test-cloud.ts';
import { signatureOf, signedText } from '../signature.ts';
import { WINDOW_MS } from './key-usage.ts';
import { watchKeys } from './watch-keys.ts';

const clock = createTestClock();
let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud({ clock, config: { trustedProxies: ['127.0.0.1'] } });
});
afterAll(() => cloud?.stop());

test('OP-09 whoever repeats what he has overheard does not have the key disabled', async () => {
  const stage = await setTheStage(cloud, { name: 'overheard', tariff: null });
  const path = `/staff/v1/partners/${stage.partnerId}/keys`;
  const key = await staffPost(cloud.app, cloud.staffToken, path, { environment: 'sandbox', scopes: ['read'] });
  await cloud.context.db.updateTable('partners').set({ suspends_unusual: true }).execute();
  let count = 0;
  const signed = () => {
    count += 1;
    const timestamp = String(Math.floor(clock.wallMs() / 1000));
    const nonce = `nonce-of-this-test-${count}`;
    const text = signedText({ method: 'GET', target: '/v1/stations', body: Buffer.alloc(0), timestamp, nonce });
    return {
      'pilegate-key': key.key_id,
      'pilegate-timestamp': timestamp,
      'pilegate-nonce': nonce,
      'pilegate-signature': signatureOf(key.secret, text),
    };
  };
  const send = (headers: Record<string, string>, from: string) =>
    cloud.app.inject({ method: 'GET', url: '/v1/stations', headers: { ...headers, 'x-forwarded-for': from } });
  for (let n = 0; n < 12; n += 1) {
    expect((await send(signed(), '192.0.2.1')).statusCode).toBe(200);
    clock.advance(WINDOW_MS);
  }
  const overheard = signed();
  expect((await send(overheard, '192.0.2.1')).statusCode).toBe(200);
  expect((await send(overheard, '203.0.113.66')).json().code).toBe('auth.reused_nonce');
  await cloud.context.keyUsage.flush();
  await watchKeys(cloud.context);
  expect((await send(signed(), '192.0.2.1')).statusCode).toBe(200);
});
