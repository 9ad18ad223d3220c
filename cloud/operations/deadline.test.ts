import { expect, test } from 'vitest';
import type { ChargingSite } from '../testing/charging-site.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { reported } from '../testing/records.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { failOverdueStarts } from './sweeper.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;

onChargingSites('dl', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

test('OP-16 no confirmation in time: the operation times out after the grace and the command is cancelled', async () => {
  const { body } = await site.start();
  const command = await site.takeStart();
  clock.advance(64_999);
  await failOverdueStarts(cloud.context);
  expect((await site.operation(body.operation_id)).status).toBe('accepted');
  clock.advance(1);
  await failOverdueStarts(cloud.context);
  expect(await site.operation(body.operation_id)).toMatchObject({
    status: 'failed',
    failure: { code: 'operation.timed_out' },
  });
  expect(await site.eventTypes()).toEqual(['charge.start_failed']);
  expect(await site.edge.take('cancel')).toMatchObject({ commandId: command.commandId });
  clock.advance(5_000);
  expect(await site.edge.take('cancel')).toMatchObject({ commandId: command.commandId });
  await site.edge.record(reported(command.commandId, 'failed', { code: 'command.cancelled' }));
  const sent = site.edge.heard('cancel');
  clock.advance(60_000);
  await site.edge.hello();
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(site.edge.heard('cancel')).toBe(sent);
});

test('OP-16 a confirmation after the deadline does not revive the order: it is cancelled, and its void record bills nobody', async () => {
  const { body } = await site.start();
  const command = await site.takeStart();
  clock.advance(60_001);
  const session = await site.begin(command);
  expect(await site.operation(body.operation_id)).toMatchObject({
    status: 'failed',
    failure: { code: 'operation.timed_out' },
  });
  expect(await site.edge.take('cancel')).toMatchObject({ commandId: command.commandId });
  await site.edge.record(reported(command.commandId, 'done', { sessionId: session.sessionId }));
  clock.advance(5_000);
  await site.edge.take('cancel');
  const change = { voidReason: 'not-confirmed' as const, stopReason: 'not-confirmed' as const };
  await site.edge.record(site.ended(session.sessionId, body.order_id, change));
  expect(await site.order(body.order_id)).toMatchObject({
    state: 'start_failed',
    amount_due: null,
    energy_wh: 7_000,
    cdr: { void_reason: 'not-confirmed' },
  });
  expect(await site.eventTypes()).toEqual(['charge.start_failed']);
});

test('SY-04 a start is sent again until the site has it, and never after it has expired', async () => {
  await site.start();
  const first = await site.takeStart();
  clock.advance(5_000);
  expect((await site.takeStart()).commandId).toBe(first.commandId);
  await site.edge.hello();
  expect((await site.takeStart()).commandId).toBe(first.commandId);
  await site.edge.record(reported(first.commandId, 'received'));
  const sent = site.edge.heard('command');
  clock.advance(5_000);
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(site.edge.heard('command')).toBe(sent);
  clock.advance(55_000);
  await site.edge.hello();
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(site.edge.heard('command')).toBe(sent);
});

test('SY-04 a stop waits for a site that is away', async () => {
  const { body } = await site.start();
  const command = await site.takeStart();
  await site.begin(command);
  await site.edge.close();
  const { status } = await site.stop(body.order_id);
  expect(status).toBe(202);
  clock.advance(3 * 86_400_000);
  await site.reconnect(2);
  await site.edge.hello();
  expect(await site.edge.take('command')).toMatchObject({ kind: 'stop', orderId: body.order_id });
});
