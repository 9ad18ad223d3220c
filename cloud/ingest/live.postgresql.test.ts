import { expect, test } from 'vitest';
import { systemRandom } from '../random.ts';
import { connectFakeEdge } from '../testing/fake-edge.ts';
import { setTheStage } from '../testing/fixtures.ts';
import { createTestClock, machineClock } from '../testing/test-clock.ts';
import { startTestCloud } from '../testing/test-cloud.ts';

test('SY-02 a live view does not wait behind the records that the site sends at the same time', async () => {
  const cloud = await startTestCloud();
  const { db } = cloud.context;
  const stage = await setTheStage(cloud, { name: 'live' });
  const edge = await connectFakeEdge(cloud.brokerUrl, stage, machineClock);
  const connectorId = stage.connectorIds[0] ?? '';
  const alarm = () => ({
    kind: 'alarm.raised',
    alarmId: systemRandom.uuid(),
    code: 'over-temperature',
    severity: 'warning',
    pileId: 'p',
    connectorId,
    sessionId: null,
    detail: 'x',
  });
  await edge.hello();
  await edge.record(alarm());
  // Somebody holds the row of the stream: the next batch waits in the middle of its work.
  const held = await db.startTransaction().execute();
  await held.selectFrom('cursors').selectAll().forUpdate().execute();
  const acked = edge.record(alarm());
  for (const status of ['plugged', 'charging'] as const) {
    await edge.state(connectorId, { status });
    const shown = () => stage.partner.call('GET', `/v1/connectors/${connectorId}`);
    await expect.poll(async () => (await shown()).body.status).toBe(status);
  }
  expect(edge.heard('ack')).toBe(1);
  await held.rollback().execute();
  expect(await acked).toMatchObject({ ackedSeq: 2 });
  await edge.close();
  await cloud.stop();
});

test('OP-11 SY-05 a live view that had to wait for others is as old as it is', async () => {
  const clock = createTestClock();
  const cloud = await startTestCloud({ clock });
  const { db } = cloud.context;
  const stage = await setTheStage(cloud, { name: 'waits' });
  const edge = await connectFakeEdge(cloud.brokerUrl, stage, clock);
  const connectorId = stage.connectorIds[0] ?? '';
  await edge.hello();
  const saidAtMs = clock.wallMs();
  const held = await db.startTransaction().execute();
  await held.selectFrom('site_links').selectAll().forUpdate().execute();
  await edge.state(connectorId, { status: 'plugged' });
  await edge.state(connectorId, { status: 'charging' });
  // What comes behind them is answered: they are there.
  await edge.publish('presence', 'not json');
  await edge.take('nack');
  clock.advance(5_000);
  await held.rollback().execute();
  const stored = db
    .selectFrom('connector_states')
    .select(['status', 'received_at_ms'])
    .where('connector_id', '=', connectorId);
  await expect.poll(async () => (await stored.executeTakeFirst())?.status).toBe('charging');
  expect(await stored.executeTakeFirst()).toEqual({ status: 'charging', received_at_ms: saidAtMs });
  const links = db.selectFrom('site_links').select('heard_at_ms').where('site_id', '=', stage.siteId);
  expect(await links.executeTakeFirst()).toEqual({ heard_at_ms: saidAtMs });
  await edge.close();
  await cloud.stop();
});
