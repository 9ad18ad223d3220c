import { expect, test } from 'vitest';
import type { StopReason } from '#shared/wire/cdr.ts';
import { stopReasonSchema } from '#shared/wire/cdr.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { staffPost } from '../testing/fixtures.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { reported } from '../testing/records.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;

onChargingSites('fs', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

const stopByStaff = (orderId: string) =>
  staffPost(cloud.app, cloud.staffToken, `/staff/v1/orders/${orderId}/stop`, {
    reason: 'smoke',
    requested_by: 'Li Na',
  });

async function takeStop() {
  const command = await site.edge.take('command', ({ kind }) => kind === 'stop');
  if (command.kind !== 'stop') throw new Error('not a stop');
  return command;
}

async function charging() {
  const orderId: string = (await site.start()).body.order_id;
  const start = await site.takeStart();
  const { sessionId } = await site.begin(start);
  return { orderId, sessionId };
}

test('OP-17 staff stop a charge: one command, one end event with its reason, and the stop of the partner has its outcome', async () => {
  const { orderId, sessionId } = await charging();
  expect(await stopByStaff(orderId)).toMatchObject({ order_id: orderId, state: 'charging', requested_by: 'Li Na' });
  await stopByStaff(orderId);
  const command = await takeStop();
  expect(command).toMatchObject({ sessionId, reason: 'staff' });
  const partners = (await site.stop(orderId)).body;
  await takeStop();
  await site.edge.record(site.ended(sessionId, orderId, { stopReason: 'staff' }));
  await site.edge.record(reported(command.commandId, 'done', { sessionId }));
  expect(await site.order(orderId)).toMatchObject({ state: 'completed', stop_reason: 'staff' });
  expect((await site.operation(partners.operation_id)).status).toBe('succeeded');
  expect((await site.eventTypes()).filter((type) => type === 'charge.ended')).toHaveLength(1);
  const commands = cloud.context.db.selectFrom('commands').select('command_id').where('order_id', '=', orderId);
  expect(await commands.where('operation_id', 'is', null).execute()).toHaveLength(1);
  await expect(stopByStaff(orderId)).rejects.toThrow('order.not_running');
});

test('OP-17 a start that staff take back fails as cancelled, and not for want of time', async () => {
  const { body } = await site.start();
  const start = await site.takeStart();
  expect(await stopByStaff(body.order_id)).toMatchObject({ state: 'starting' });
  expect(await site.edge.take('cancel')).toMatchObject({ commandId: start.commandId });
  await site.edge.record(reported(start.commandId, 'failed', { code: 'command.cancelled' }));
  expect(await site.operation(body.operation_id)).toMatchObject({ failure: { code: 'command.cancelled' } });
});

test.each(stopReasonSchema.options.filter((reason) => reason !== 'not-confirmed'))(
  'OP-17 whatever ends a charge (%s), the partner hears of it once, with that reason',
  async (stopReason: StopReason) => {
    const { orderId, sessionId } = await charging();
    const end = site.ended(sessionId, orderId, {
      stopReason,
      faultCode: stopReason === 'fault' ? 'over-current' : null,
    });
    await site.edge.record(end);
    await site.edge.record(end);
    expect(await site.order(orderId)).toMatchObject({ state: 'completed', stop_reason: stopReason });
    const ends = await cloud.context.db
      .selectFrom('webhook_events')
      .select('payload')
      .where('order_id', '=', orderId)
      .where('type', '=', 'charge.ended')
      .execute();
    expect(ends.map(({ payload }) => JSON.parse(payload).data.stop_reason)).toEqual([stopReason]);
  },
);
