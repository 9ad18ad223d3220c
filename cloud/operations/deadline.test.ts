import { expect, test } from 'vitest';
import type { ChargingSite } from '../testing/charging-site.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { reported, started } from '../testing/records.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { triesWithin } from './command-sender.ts';
import { failOverdueStarts } from './sweeper.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;

onChargingSites('dl', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

const SILENT_TRIES = triesWithin(60_000);

const startCommand = (orderId: string) =>
  cloud.context.db.selectFrom('commands').selectAll().where('order_id', '=', orderId).executeTakeFirstOrThrow();

test('OP-16 no confirmation in time: after the grace the site is told to cancel, and its answer fails the operation as timed out', async () => {
  const { body } = await site.start();
  const command = await site.takeStart();
  clock.advance(64_999);
  await failOverdueStarts(cloud.context);
  expect(await startCommand(body.order_id)).toMatchObject({ cancelled_at_ms: null });
  clock.advance(1);
  await failOverdueStarts(cloud.context);
  expect(await site.edge.take('cancel')).toMatchObject({ commandId: command.commandId });
  clock.advance(5_000);
  expect(await site.edge.take('cancel')).toMatchObject({ commandId: command.commandId });
  await failOverdueStarts(cloud.context);
  expect((await site.operation(body.operation_id)).status).toBe('accepted');
  await site.edge.record(reported(command.commandId, 'failed', { code: 'command.cancelled' }));
  expect(await site.operation(body.operation_id)).toMatchObject({
    status: 'failed',
    failure: { code: 'operation.timed_out' },
  });
  expect(await site.eventTypes()).toEqual(['charge.start_failed']);
  const sent = site.edge.heard('cancel');
  clock.advance(60_000);
  await site.edge.hello();
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(site.edge.heard('cancel')).toBe(sent);
});

test('OP-16 where the kind of pile needs longer, cloud and site give it longer', async () => {
  await cloud.context.db
    .updateTable('connectors')
    .set({ model: 'slow-dc' })
    .where('site_id', '=', site.stage.siteId)
    .execute();
  const { body } = await site.start();
  expect((await site.takeStart()).ttlMs).toBe(150_000);
  const { created_at, deadline_at } = await site.operation(body.operation_id);
  expect(Date.parse(deadline_at) - Date.parse(created_at)).toBe(150_000);
  clock.advance(154_999);
  await failOverdueStarts(cloud.context);
  expect(await startCommand(body.order_id)).toMatchObject({ cancelled_at_ms: null });
  clock.advance(1);
  await failOverdueStarts(cloud.context);
  expect(await startCommand(body.order_id)).toMatchObject({ cancelled_at_ms: clock.wallMs() });
});

test('OP-16 a site that answers nothing is asked for a minute, and then the start fails without it', async () => {
  const { body } = await site.start();
  await site.takeStart();
  // However long ago the deadline was: while nobody was asked, no time has passed.
  clock.advance(3_600_000);
  for (let asked = 0; asked <= SILENT_TRIES; asked += 1) {
    await failOverdueStarts(cloud.context);
    expect((await site.operation(body.operation_id)).status).toBe('accepted');
    await expect.poll(async () => (await startCommand(body.order_id)).sent_count).toBe(asked + 1);
    if (asked < SILENT_TRIES) clock.advance(5_000);
  }
  await failOverdueStarts(cloud.context);
  expect(await site.operation(body.operation_id)).toMatchObject({
    status: 'failed',
    failure: { code: 'operation.timed_out' },
  });
  expect(await site.eventTypes()).toEqual(['charge.start_failed']);
});

test('OP-16 a confirmation after the deadline does not revive the order: it is cancelled, and its void record bills nobody', async () => {
  const { body } = await site.start();
  const command = await site.takeStart();
  clock.advance(60_001);
  const session = await site.begin(command);
  expect((await site.operation(body.operation_id)).status).toBe('accepted');
  expect(await site.edge.take('cancel')).toMatchObject({ commandId: command.commandId });
  await site.edge.record(reported(command.commandId, 'done', { sessionId: session.sessionId }));
  clock.advance(5_000);
  await site.edge.take('cancel');
  const change = { voidReason: 'cancelled' as const, stopReason: 'not-confirmed' as const };
  await site.edge.record(site.ended(session.sessionId, body.order_id, change));
  expect(await site.operation(body.operation_id)).toMatchObject({
    status: 'failed',
    failure: { code: 'operation.timed_out' },
  });
  expect(await site.order(body.order_id)).toMatchObject({
    state: 'start_failed',
    amount_due: null,
    energy_wh: 7_000,
    cdr: { void_reason: 'cancelled' },
  });
  expect(await site.eventTypes()).toEqual(['charge.start_failed']);
});

test('OP-16 a charge that was over before the deadline is billed, though the cloud hears of it only afterwards', async () => {
  const { body } = await site.start();
  const command = await site.takeStart();
  const session = started(site.edge, command);
  const end = site.ended(session.sessionId, body.order_id, { stopReason: 'vehicle' });
  clock.advance(600_000);
  await failOverdueStarts(cloud.context);
  await site.edge.take('cancel');
  await site.edge.record(session);
  await failOverdueStarts(cloud.context);
  expect(await site.order(body.order_id)).toMatchObject({ state: 'starting' });
  await site.edge.record(end);
  expect(await site.order(body.order_id)).toMatchObject({ state: 'completed', energy_wh: 7_000 });
  expect((await site.operation(body.operation_id)).status).toBe('succeeded');
  expect(await site.eventTypes()).toEqual(['charge.ended']);
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
