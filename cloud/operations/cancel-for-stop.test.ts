import { expect, test } from 'vitest';
import { endChargesByStaff } from '../orders/gone-site.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { connectFakeEdge } from '../testing/fake-edge.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { reported } from '../testing/records.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
onChargingSites('cs', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

/** A charge that has begun while its stop was on the way, at a site that then falls silent. */
async function begunBesideItsStop() {
  const { body } = await site.start();
  const command = await site.takeStart();
  expect((await site.stop(body.order_id)).status).toBe(202);
  await site.edge.take('cancel');
  await site.begin(command);
  await site.edge.record(reported(command.commandId, 'done'));
  expect((await site.order(body.order_id)).state).toBe('charging');
  return { ...body, commandId: command.commandId };
}

test('OP-15 OP-17 a stop that was asked for during the start reaches a site that was away for days', async () => {
  const { commandId } = await begunBesideItsStop();
  const next = site.edge.nextSeq();
  clock.advance(3 * 86_400_000);
  await site.reconnect(next);
  await site.edge.hello();
  expect(await site.edge.take('cancel')).toMatchObject({ commandId });
});

test('OP-15 OP-17 a stop that was asked for during the start goes on when staff have ended the charge', async () => {
  const { order_id: orderId, commandId } = await begunBesideItsStop();
  const next = site.edge.nextSeq();
  clock.advance(60_000);
  expect(await endChargesByStaff(cloud.context, site.stage.siteId)).toEqual([orderId]);
  await site.reconnect(next);
  await site.edge.hello();
  expect(await site.edge.take('cancel')).toMatchObject({ commandId });
});

test('SY-03.a a site that has forgotten the charge is told once that its start is taken back', async () => {
  const { commandId, order_id: orderId } = await begunBesideItsStop();
  await site.edge.close();
  site.edge = await connectFakeEdge(cloud.brokerUrl, site.stage, clock);
  await site.edge.hello();
  expect(await site.order(orderId)).toMatchObject({ state: 'abnormal', failure: { code: 'session.lost' } });
  expect(await site.edge.take('cancel')).toMatchObject({ commandId });
  await site.edge.record(reported(commandId, 'failed', { code: 'command.cancelled' }));
  const command = cloud.context.db.selectFrom('commands').selectAll().where('command_id', '=', commandId);
  expect(await command.executeTakeFirst()).toMatchObject({ status: 'done', next_send_at_ms: null });
});
