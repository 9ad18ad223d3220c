import { afterAll, beforeAll, expect, test } from 'vitest';
import { transaction } from '../db/transaction.ts';
import { setTheStage } from '../testing/fixtures.ts';
import { hookStage } from '../testing/hook-stage.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { claimDue } from './claim.ts';

const clock = createTestClock();
const DEV = '127.0.0.1:9';
let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud({ clock, config: { webhookDevAllow: [DEV] } });
});
afterAll(() => cloud?.stop());

test('OP-20 a place that becomes free goes to an endpoint that has none, and not to the backlog of one that has many', async () => {
  const paused = async (name: string) => {
    const stage = await setTheStage(cloud, { name });
    const hooks = hookStage(cloud, clock, stage);
    const { endpoint_id: id } = await hooks.register(`http://${DEV}/${name}`);
    await stage.partner.call('POST', `/v1/webhook-endpoints/${id}/pause`);
    return { hooks, id };
  };
  const slow = await paused('slow');
  const quick = await paused('quick');
  for (let n = 0; n < 3; n += 1) await slow.hooks.emit(await slow.hooks.newOrder(), 'charge.ended', { n });
  clock.advance(1_000);
  await quick.hooks.emit(await quick.hooks.newOrder(), 'charge.ended', { n: 9 });
  const claimed = await transaction(cloud.context.db, async (trx) => {
    await trx.updateTable('webhook_endpoints').set({ paused_at_ms: null }).execute();
    // The slow one answers well, only late, and has 7 of its 8 places; one of all places has just become free.
    const wanted = { failing: false, perEndpoint: 8, inAll: 1, taken: new Map([[slow.id, 7]]) };
    return claimDue(trx, wanted, clock.wallMs());
  });
  expect(claimed.map(({ endpoint_id: id }) => id)).toEqual([quick.id]);
  await slow.hooks.cancelAll();
});
