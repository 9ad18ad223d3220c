import { afterAll, beforeAll, expect, test } from 'vitest';
import { setTheStage } from '../testing/fixtures.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { MOST_AT_ONCE, MOST_WAITING } from './replay.ts';

const clock = createTestClock();
const DEV = '127.0.0.1:9';
let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud({ clock, config: { webhookDevAllow: [DEV] } });
});
afterAll(() => cloud?.stop());

test('OP-20 of many replays at once no more are taken than may wait', async () => {
  const { partner, partnerId } = await setTheStage(cloud, { name: 'atonce' });
  const fromMs = clock.wallMs();
  const owner = { partner_id: partnerId, environment: 'sandbox' as const, order_id: null, type: 'charge.ended' };
  const rows = Array.from({ length: MOST_AT_ONCE }, (_, n) => ({
    ...owner,
    event_id: `msg_${n.toString(16).padStart(32, '0')}`,
    payload: '{}',
    created_at_ms: fromMs,
  }));
  await cloud.context.db.insertInto('webhook_events').values(rows).execute();
  clock.advance(10_000);
  const created_from = new Date(fromMs).toISOString();
  const created_to = new Date(clock.wallMs()).toISOString();
  const ids: string[] = [];
  for (let n = 0; n < 20; n += 1) {
    const { body } = await partner.call('POST', '/v1/webhook-endpoints', { url: `http://${DEV}/${n}` });
    await partner.call('POST', `/v1/webhook-endpoints/${body.endpoint_id}/pause`);
    ids.push(body.endpoint_id);
  }
  await Promise.all(
    ids.map((endpoint_id) =>
      partner.call('POST', '/v1/webhook-replays', { request_id: endpoint_id, endpoint_id, created_from, created_to }),
    ),
  );
  const waiting = await cloud.context.db
    .selectFrom('webhook_deliveries')
    .select('delivery_id')
    .where('replay_id', 'is not', null)
    .execute();
  expect(waiting.length).toBeLessThanOrEqual(MOST_WAITING + MOST_AT_ONCE);
});
