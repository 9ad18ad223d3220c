import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectFakeEdge, type FakeEdge } from '../testing/fake-edge.ts';
import { type Stage, setTheStage, staffPost } from '../testing/fixtures.ts';
import { openStreamClient, type StreamClient } from '../testing/stream-client.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;
let other: Stage;
let edge: FakeEdge;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  stage = await setTheStage(cloud, { name: 'away' });
  other = await setTheStage(cloud, { name: 'away-other' });
  edge = await connectFakeEdge(cloud.brokerUrl, other, clock);
  await edge.hello();
});
afterAll(async () => {
  await edge?.close();
  await cloud?.stop();
});

const access = (stations: 'all' | 'listed', siteIds: string[], partnerId = stage.partnerId) =>
  staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${partnerId}/access`, {
    environment: 'sandbox',
    stations,
    site_ids: siteIds,
    reason: 'contract',
  });

const stream = (query = '') => openStreamClient(cloud.httpUrl, clock, stage.key, query);
const snapshotOf = (client: StreamClient) => client.messages.find((one) => one.type === 'snapshot');
const end = async (...clients: StreamClient[]) => {
  for (const one of clients) {
    one.close();
    await one.closed();
  }
};

test('OP-11 whoever resumes is told of stations that it got, or lost, while it was away', async () => {
  await access('listed', [stage.siteId]);
  const before = await stream();
  await expect.poll(() => before.messages[0]).toMatchObject({ statuses: [{ connector_id: 'away-c1' }] });
  await edge.state('away-other-c1', { status: 'charging' });
  await expect
    .poll(async () => (await cloud.context.db.selectFrom('status_changes').selectAll().execute()).length)
    .toBe(1);
  const ping = await stream();
  await expect.poll(() => ping.messages.length).toBe(1);
  await end(before, ping);

  await access('listed', [other.siteId]);
  const after = await stream(`?after=${ping.position()}`);
  await expect
    .poll(() => snapshotOf(after))
    .toMatchObject({
      type: 'snapshot',
      reason: 'stations-changed',
      statuses: [{ connector_id: 'away-other-c1', status: 'charging' }],
    });
  const again = await stream(`?after=${after.position()}`);
  await expect.poll(() => again.messages[0]?.type).toBe('heartbeat');
  await end(after, again);

  // One that nothing was told before it went away: the station that it has lost is not among those that it is told of.
  await access('listed', [stage.siteId]);
  const bereft = await stream(`?after=${again.position()}`);
  await expect.poll(() => snapshotOf(bereft)).toMatchObject({ statuses: [{ connector_id: 'away-c1' }] });
  await end(bereft);
});

test('OP-11 what is agreed with another partner brings nobody a snapshot', async () => {
  const idle = await stream();
  await expect.poll(() => idle.messages.length).toBe(1);
  await end(idle);
  await access('listed', [stage.siteId], other.partnerId);
  const after = await stream(`?after=${idle.position()}`);
  await expect.poll(() => after.messages[0]?.type).toBe('heartbeat');
  await end(after);
});
