import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { setTheStage } from '../../cloud/testing/fixtures.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import type { Ledger } from '../../edge/ledger/ledger.ts';
import { alarm, at, openLedger } from '../../edge/ledger/testing.ts';
import { openBrokerSession } from '../../edge/link/broker-session.ts';
import { overWays } from '../../edge/link/over-ways.ts';
import { fastTime } from '../../edge/link/testing.ts';
import { FaultProxy } from './fault-proxy.ts';
import { openBox } from './site-box.ts';

/** Two ways to a real broker that can be cut, emptied and spoiled, under the edge's real link. Time runs twenty times as fast for it. */

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud?.stop());

const poll = (read: () => unknown) => expect.poll(read, { interval: 20 });

async function twoWays(name: string) {
  const stage = await setTheStage(cloud, { name });
  const [first, second] = [await FaultProxy.before(cloud.brokerUrl), await FaultProxy.before(cloud.brokerUrl)];
  const taken: number[] = [];
  const { ledger } = openLedger();
  const openBroker = overWays(
    openBrokerSession,
    [{ url: first.mqttUrl }, { url: second.mqttUrl, localAddress: '127.0.0.1' }],
    {
      clock: fastTime,
      timers: fastTime,
      log: pino({ level: 'silent' }),
      onWay: (way) => taken.push(way),
    },
  );
  const box = openBox(stage, first.mqttUrl, ledger, openBroker);
  const views = setInterval(() => box.link.showView([]), 100);
  onTestFinished(async () => {
    clearInterval(views);
    await box.link.close();
    await first.close();
    await second.close();
  });
  let count = 0;
  const tell = async (how: (told: Promise<unknown>) => Promise<unknown> = (told) => told) => {
    count += 10;
    for (let i = 0; i < 10; i += 1)
      ledger.commit({ session: null, records: [{ ...alarm(1), alarmId: crypto.randomUUID() }] }, at);
    box.link.poke();
    await how(poll(() => ledger.backlog()).toBe(0));
  };
  await poll(() => box.link.state).toBe('open');
  return { stage, first, second, taken, ledger, box, tell, toldCount: () => count };
}

async function expectAllOnce(siteId: string, ledger: Ledger, count: number): Promise<void> {
  const { db } = cloud.context;
  const records = await db.selectFrom('site_records').select('seq').where('site_id', '=', siteId).execute();
  expect(records.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  expect(ledger.ackedSeq()).toBe(count);
  const alarms = await db.selectFrom('alarms').select('code').where('site_id', '=', siteId).execute();
  expect(alarms.map(({ code }) => code)).toEqual(Array.from({ length: count }, () => 'pile-fault'));
  const lives = await db.selectFrom('site_lives').select('status').where('site_id', '=', siteId).execute();
  expect(lives).toEqual([{ status: 'holder' }]);
}

test('SY-08 when the first way is cut the second is taken, and the first again once it has been good for a while', {
  timeout: 60_000,
}, async () => {
  const { stage, first, second, taken, ledger, box, tell, toldCount } = await twoWays('cut');
  await tell();
  expect(second.accepted).toBe(0);
  await first.set({ isCut: true });
  await poll(() => taken).toEqual([1]);
  await poll(() => box.link.state).toBe('open');
  await tell();
  expect(second.openConnections).toBe(1);
  await first.set({});
  await poll(() => taken).toEqual([1, 0]);
  await poll(() => box.link.state).toBe('open');
  await tell();
  await poll(() => [first.openConnections, second.openConnections]).toEqual([1, 0]);
  await expectAllOnce(stage.siteId, ledger, toldCount());
});

test('SY-08 a way that takes everything and brings nothing is left as well, and what was lost on it is sent again', {
  timeout: 60_000,
}, async () => {
  const { stage, first, taken, ledger, box, tell, toldCount } = await twoWays('swallowed');
  await first.set({ swallow: 'both' });
  await tell();
  expect(taken).toEqual([1]);
  expect(box.link.state).toBe('open');
  // Connections are accepted, and nothing answers: it is not taken for good.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  expect(taken).toEqual([1]);
  await expectAllOnce(stage.siteId, ledger, toldCount());
});

test('SY-08 a way that breaks in the middle of messages, and a slow one, lose and double nothing', {
  timeout: 60_000,
}, async () => {
  const { stage, first, second, ledger, tell, toldCount } = await twoWays('spoiled');
  await first.set({ truncateAfterBytes: 3000 });
  await tell();
  await first.set({ isCut: true });
  await second.set({ bytesPerS: 8000, latencyMs: 120 });
  await tell();
  await tell();
  await expectAllOnce(stage.siteId, ledger, toldCount());
});
