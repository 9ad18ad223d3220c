import { expect, test } from 'vitest';
import type { ChargingSite } from '../testing/charging-site.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { silentDown } from '../testing/silent-down.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { sendDueCommands, triesWithin } from './command-sender.ts';
import { failOverdueStarts } from './sweeper.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
onChargingSites('ss', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

const timesSent = async (orderId: string) => {
  const commands = cloud.context.db.selectFrom('commands').select('sent_count').where('order_id', '=', orderId);
  return (await commands.executeTakeFirstOrThrow()).sent_count;
};

test('OP-15 OP-17 a start that fails without its site gives the stop of it its outcome as well', async () => {
  const { body } = await site.start();
  await site.takeStart();
  const stop = await site.stop(body.order_id);
  expect(stop.status).toBe(202);
  for (let asked = 1; asked <= triesWithin(60_000) + 1; asked += 1) {
    await expect.poll(() => timesSent(body.order_id)).toBe(asked);
    clock.advance(5_000);
  }
  await failOverdueStarts(cloud.context);
  expect((await site.operation(body.operation_id)).status).toBe('failed');
  expect((await site.order(body.order_id)).state).toBe('start_failed');
  expect((await site.operation(stop.body.operation_id)).status).toBe('succeeded');
});

test('OP-15 OP-16 a start that was being taken back when the cloud went down for a day has its outcome', async () => {
  const { body } = await site.start();
  await site.takeStart();
  await site.edge.close();
  clock.advance(65_000);
  await failOverdueStarts(cloud.context);
  clock.advance(25 * 3_600_000);
  for (let round = 0; round < 30; round += 1) {
    await failOverdueStarts(cloud.context);
    await sendDueCommands({ ...cloud.context, down: silentDown() });
    clock.advance(60_000);
  }
  expect(await site.operation(body.operation_id)).toMatchObject({
    status: 'failed',
    failure: { code: 'operation.timed_out' },
  });
});
