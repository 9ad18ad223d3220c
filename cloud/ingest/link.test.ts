import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { FaultProxy } from '../../test/sync/fault-proxy.ts';
import { systemTimers } from '../system-timers.ts';
import { openCloudLink } from './link.ts';
import { createSiteQueue } from './site-queue.ts';

/** A broker of this test, and the cloud's link to it. */
async function openPair(onMessage: (topic: string) => Promise<void> = () => Promise.resolve()) {
  const broker = await Aedes.createBroker();
  const server = createServer(broker.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const link = openCloudLink({
    url: `mqtt://127.0.0.1:${port}`,
    clientId: 'cloud',
    timers: systemTimers,
    fraction: () => 0,
    logger: pino({ level: 'silent' }),
    onMessage,
  });
  onTestFinished(async () => {
    await link.close();
    await new Promise<void>((resolve) => broker.close(resolve));
    server.close();
  });
  return { broker, link };
}

test('SY-05 a broker that refuses the cloud for a while is asked again, and heard when it is ready', async () => {
  const { broker, link } = await openPair();
  let isReady = false;
  let asked = 0;
  broker.authenticate = (_client, _username, _password, done) => {
    asked += 1;
    if (isReady) return done(null, true);
    done(Object.assign(new Error('no'), { returnCode: 3 }), false);
  };
  await expect.poll(() => asked).toBeGreaterThanOrEqual(2);
  expect(link.isProven()).toBe(false);
  isReady = true;
  await expect.poll(() => link.isProven()).toBe(true);
});

test('SY-01 a broker that refuses subscriptions for a while is asked again on the same connection: no shard stays unheard', async () => {
  const { broker, link } = await openPair();
  const refused: string[] = [];
  let isReady = false;
  broker.authorizeSubscribe = (_client, subscription, done) => {
    if (!isReady) refused.push(subscription.topic);
    done(null, isReady ? subscription : null);
  };
  link.hear([3, 4]);
  await expect.poll(() => new Set(refused).size).toBe(3);
  expect([link.isProven(), link.heardCount()]).toEqual([false, 0]);
  isReady = true;
  await expect.poll(() => [link.isProven(), link.heardCount()]).toEqual([true, 2]);
});

test('SY-05 a connection that was forgotten on the way, and never breaks, is given up, and the sites are heard on another', async () => {
  const broker = await Aedes.createBroker();
  const server = createServer(broker.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const way = await FaultProxy.before(`mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
  const heard: string[] = [];
  const link = openCloudLink({
    url: way.mqttUrl,
    clientId: 'cloud',
    timers: systemTimers,
    fraction: () => 0,
    logger: pino({ level: 'silent' }),
    keepaliveS: 1,
    onMessage: (topic) => {
      heard.push(topic);
      return Promise.resolve();
    },
  });
  onTestFinished(async () => {
    await link.close();
    await way.close();
    await new Promise<void>((resolve) => broker.close(resolve));
    server.close();
  });
  link.hear([7]);
  await expect.poll(() => link.heardCount()).toBe(1);
  way.forgetConnections();
  await expect.poll(() => link.isProven(), { timeout: 8000 }).toBe(false);
  await expect.poll(() => link.isProven() && link.heardCount() === 1, { timeout: 8000 }).toBe(true);
  const topic = 'pilegate/v1/07/site-1/up/hello';
  const hearing = () => {
    broker.publish({ cmd: 'publish', topic, payload: 'x', qos: 0, retain: false, dup: false }, () => {});
    return heard;
  };
  await expect.poll(hearing, { timeout: 8000 }).toContain(topic);
});

test('SY-01 more messages than may wait are all taken and answered at once: no answer waits for what stands behind the next message', async () => {
  const queue = createSiteQueue(4);
  const answered = new Set<string>();
  const { broker, link } = await openPair((topic) =>
    queue.push(topic, async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await link.answer(`answer/${topic}`, 'taken');
    }),
  );
  broker.on('publish', ({ topic }) => void (topic.startsWith('answer/') && answered.add(topic)));
  link.hear([7]);
  await expect.poll(() => link.heardCount()).toBe(1);
  for (let i = 0; i < 200; i += 1) {
    const topic = `pilegate/v1/07/site-${i}/up/batch`;
    broker.publish({ cmd: 'publish', topic, payload: 'x', qos: 1, retain: false, dup: false }, () => {});
  }
  await expect.poll(() => answered.size, { timeout: 5_000 }).toBe(200);
});
