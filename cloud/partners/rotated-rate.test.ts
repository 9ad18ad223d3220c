import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stage, setTheStage, staffPost } from '../testing/fixtures.ts';
import { createPartnerClient } from '../testing/partner-client.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;
beforeAll(async () => {
  cloud = await startTestCloud({ clock, config: { trustedProxies: ['127.0.0.1'] } });
  stage = await setTheStage(cloud, { name: 'rotrate', tariff: null });
});
afterAll(() => cloud?.stop());

test.each([0, 604_800])(
  'OP-08 a partner that rotates its key (overlap %i s) gets no more calls by that',
  async (overlapS) => {
    let key = await staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${stage.partnerId}/keys`, {
      environment: 'sandbox',
      scopes: ['read', 'keys'],
      limits: { read: { per_minute: 1, burst: 2 } },
    });
    let taken = 0;
    for (let n = 0; n < 10; n += 1) {
      const client = createPartnerClient(cloud.app, clock, key);
      for (let call = 0; call < 3; call += 1) if ((await client.call('GET', '/v1/stations')).status === 200) taken += 1;
      const rotated = await client.call('POST', `/v1/keys/${key.key_id}/rotate`, { overlap_s: overlapS });
      expect(rotated.status).toBe(201);
      key = rotated.body;
    }
    expect(taken).toBe(2);
  },
);

test('OP-08 other limits of a key are at once those of every key that it was rotated from or to', async () => {
  const path = `/staff/v1/partners/${stage.partnerId}/keys`;
  const wish = { environment: 'sandbox', scopes: ['read'], limits: { read: { per_minute: 1, burst: 5 } } };
  const former = await staffPost(cloud.app, cloud.staffToken, path, wish);
  const bystander = await staffPost(cloud.app, cloud.staffToken, path, wish);
  const next = await staffPost(cloud.app, cloud.staffToken, `${path}/${former.key_id}/rotate`, { overlap_s: 60 });
  const changed = await cloud.app.inject({
    method: 'PATCH',
    url: `${path}/${next.key_id}`,
    headers: { authorization: `Bearer ${cloud.staffToken}`, 'content-type': 'application/json' },
    payload: JSON.stringify({ label: 'till', limits: { read: { per_minute: 60, burst: 2 } } }),
  });
  expect(changed.json()).toMatchObject({ label: 'till', limits: { read: { burst: 2 } } });
  const look = (key: Stage['key']) => createPartnerClient(cloud.app, clock, key).call('GET', '/v1/stations');
  expect((await look(former)).headers['ratelimit-policy']).toBe('"read";q=2;w=2');
  expect((await look(next)).headers.ratelimit).toBe('"read";r=0;t=2');
  expect((await look(former)).status).toBe(429);
  expect((await look(bystander)).headers['ratelimit-policy']).toBe('"read";q=5;w=300');
});

test('OP-09 a secret that was sent in the place of the key is in no alarm and no ban', async () => {
  for (let n = 0; n < 25; n += 1)
    await stage.partner.call('GET', '/v1/stations', undefined, {
      headers: { 'pilegate-key': stage.key.secret, 'x-forwarded-for': '203.0.113.5' },
    });
  const alarms = await cloud.context.db.selectFrom('alarms').select('detail').execute();
  const bans = await cloud.context.db.selectFrom('auth_bans').select('reason').execute();
  expect(alarms.length).toBeGreaterThan(0);
  expect(JSON.stringify([alarms, bans])).not.toContain(stage.key.secret);
});
