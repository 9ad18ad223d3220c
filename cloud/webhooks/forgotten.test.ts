import { afterAll, beforeAll, expect, test } from 'vitest';
import { setTheStage } from '../testing/fixtures.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { lookAfterWebhooks } from './look-after.ts';

const clock = createTestClock();
const DEV = '127.0.0.1:9';
let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud({ clock, config: { webhookDevAllow: [DEV] } });
});
afterAll(() => cloud?.stop());

const rows = async (table: 'webhook_endpoints' | 'webhook_deliveries') =>
  (await cloud.context.db.selectFrom(table).select('endpoint_id').execute()).length;

test('OP-20 an endpoint that was deleted is forgotten with its deliveries', async () => {
  const { partner } = await setTheStage(cloud, { name: 'forgotten' });
  for (let n = 0; n < 30; n += 1) {
    const { body } = await partner.call('POST', '/v1/webhook-endpoints', { url: `http://${DEV}/${n}` });
    await partner.call('DELETE', `/v1/webhook-endpoints/${body.endpoint_id}`);
  }
  clock.advance(400 * 86_400_000);
  await lookAfterWebhooks(cloud.context);
  expect(await rows('webhook_endpoints')).toBe(0);
});
