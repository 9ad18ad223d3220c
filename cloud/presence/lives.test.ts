import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemRandom } from '../random.ts';
import { connectFakeEdge } from '../testing/fake-edge.ts';
import { setTheStage } from '../testing/fixtures.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());

test('SY-03.c what a process had said before the next one was welcomed proves no second box, though it comes late', async () => {
  const stage = await setTheStage(cloud, { name: 'late', tariff: null });
  const { siteId } = stage;
  const [former, next] = [systemRandom.uuid(), systemRandom.uuid()];
  const before = await connectFakeEdge(cloud.brokerUrl, stage, clock);
  await before.hello({ life: { lifeId: former, formerLifeId: null, controllerId: null } });
  const say = (connectionEpoch: string, lifeId: string, change: object = {}) =>
    before.publish('state', { v: 1, siteId, connectionEpoch, at: before.stamp(), connectors: [], lifeId, ...change });
  await say(before.connectionEpoch, former);
  await before.publish('presence', { v: 1, siteId, connectionEpoch: before.connectionEpoch, online: false });
  // A word of the process after it; both are heard by whoever listens for the site.
  const connectionEpoch = systemRandom.uuid();
  const welcome = before.take('welcome', (message) => message.connectionEpoch === connectionEpoch);
  const life = { lifeId: next, formerLifeId: former, controllerId: null };
  await before.publish('hello', {
    v: 1,
    siteId,
    connectionEpoch,
    storeEpoch: before.storeEpoch,
    software: 'next',
    at: before.stamp(),
    streams: [],
    runningSessions: [],
    life,
  });
  await welcome;
  const alarms = async () => {
    await say(connectionEpoch, next, { ask: true });
    await before.take('beat');
    const rows = await cloud.context.db.selectFrom('alarms').select('code').where('site_id', '=', siteId).execute();
    return rows.map(({ code }) => code);
  };
  clock.advance(1000);
  await say(before.connectionEpoch, former);
  expect(await alarms()).toEqual([]);
  expect(before.heard('hold')).toBe(0);
  clock.advance(2000);
  await say(before.connectionEpoch, former);
  expect(await before.take('hold'), 'who goes on speaking is alive').toMatchObject({
    lifeId: former,
    reason: 'barred',
  });
  expect(await alarms()).toEqual(['controller-cloned']);
  await before.close();
});
