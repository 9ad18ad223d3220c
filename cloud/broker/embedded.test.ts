import mqtt, { type MqttClient } from 'mqtt';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { allDown, downTopic, upTopic } from '#shared/wire/topics.ts';
import { type EmbeddedBroker, startEmbeddedBroker } from './embedded.ts';

let broker: EmbeddedBroker;
let clients: MqttClient[];
let warnings: string[];
let deniedTopics: string[];
/** What happens while a login is looked at. */
let duringLogin: () => void;

beforeEach(async () => {
  clients = [];
  warnings = [];
  deniedTopics = [];
  duringLogin = () => {};
  const logger = pino({ level: 'warn' }, { write: (line: string) => warnings.push(JSON.parse(line).msg) });
  broker = await startEmbeddedBroker({
    port: 0,
    logger,
    onDenied: (siteId, topic) => deniedTopics.push(`${siteId} ${topic}`),
    authenticate: async (username, password) => {
      duringLogin();
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (username === 'cloud' && password === 'cloud') return { role: 'cloud' };
      if (username === 'a' && password === 'a') return { role: 'site', siteId: 'a', shard: 7, fingerprint: 'f' };
      return null;
    },
  });
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.endAsync(true)));
  await broker.close();
});

async function login(username: string, options: mqtt.IClientOptions = {}): Promise<MqttClient> {
  const settings = {
    clientId: username,
    username,
    password: username,
    protocolVersion: 4 as const,
    reconnectPeriod: 100,
  };
  const client = await mqtt.connectAsync(broker.url, { ...settings, ...options });
  clients.push(client);
  return client;
}

async function listen(client: MqttClient, filter: string): Promise<string[]> {
  const heard: string[] = [];
  client.on('message', (topic, payload) => heard.push(`${topic} ${payload.toString()}`));
  await client.subscribeAsync(filter, { qos: 1 });
  return heard;
}

test('SY-06 a denied publish is thrown away and does not poison the link', async () => {
  const cloud = await login('cloud');
  const heard = await listen(cloud, 'pilegate/#');
  const site = await login('a');
  let closed = 0;
  site.on('close', () => {
    closed += 1;
  });
  for (let n = 0; n < 3; n += 1) await site.publishAsync(upTopic(7, 'b', 'batch'), 'forged', { qos: 1 });
  await site.publishAsync('pilegate/v1/07/a/down/command', 'forged', { qos: 1, retain: true });
  for (let n = 0; n < 20; n += 1) await site.publishAsync(upTopic(7, 'a', 'batch'), `good ${n}`, { qos: 1 });
  await expect.poll(() => heard.length).toBe(20);
  expect(heard.every((line) => line.includes('/07/a/up/batch good'))).toBe(true);
  expect(closed).toBe(0);
  expect(broker.deniedCount()).toBe(4);
  expect(warnings.filter((text) => text.includes('forbidden topic'))).toHaveLength(1);
});

test('SY-06 a forged will is thrown away like any other message', async () => {
  const cloud = await login('cloud');
  const heard = await listen(cloud, 'pilegate/#');
  const will = { topic: upTopic(7, 'b', 'presence'), payload: Buffer.from('forged'), qos: 1 as const, retain: false };
  const site = await login('a', { will });
  site.stream.destroy();
  await expect.poll(() => broker.deniedCount()).toBe(1);
  expect(heard).toEqual([]);
});

test('SY-06 a site may listen to its own down topics and to nothing else', async () => {
  const site = await login('a');
  const grants = async (filter: string) => {
    const granted = await site.subscribeAsync(filter, { qos: 1 }).catch(() => [{ qos: 128 }]);
    return granted.map((grant) => grant.qos);
  };
  expect(await grants(allDown(7, 'a'))).toEqual([1]);
  expect(await grants(downTopic(7, 'a', 'ack'))).toEqual([1]);
  for (const filter of [
    '#',
    '$SYS/#',
    'pilegate/v1/07/+/down/+',
    allDown(7, 'b'),
    allDown(8, 'a'),
    upTopic(7, 'a', 'hello'),
  ]) {
    expect(await grants(filter)).toEqual([128]);
  }
});

test('aedes grants a shared subscription and delivers nothing on it, so nobody gets one here', async () => {
  const cloud = await login('cloud');
  const granted = await cloud.subscribeAsync('$share/g/pilegate/v1/+/+/up/+', { qos: 1 }).catch(() => [{ qos: 128 }]);
  expect(granted.map((grant) => grant.qos)).toEqual([128]);
});

test('SY-06 a wrong password, an unknown user and a foreign client id are refused', async () => {
  for (const options of [{ password: 'b' }, { username: 'b' }, { clientId: 'b' }, { clientId: 'aa' }]) {
    const attempt = mqtt.connectAsync(broker.url, {
      clientId: 'a',
      username: 'a',
      password: 'a',
      reconnectPeriod: 0,
      ...options,
    });
    await expect(attempt).rejects.toThrow(/Not authorized|Bad username or password|Connection refused/i);
  }
});

test('a connection that ends is forgotten, also one that ends while its login is looked at', async () => {
  await login('cloud');
  const site = await login('a', { reconnectPeriod: 0 });
  expect(broker.clientCount()).toBe(2);
  site.stream.destroy();
  await expect.poll(() => broker.clientCount()).toBe(1);
  for (let n = 0; n < 5; n += 1) {
    const hasty = mqtt.connect(broker.url, { clientId: 'a', username: 'a', password: 'a', reconnectPeriod: 0 });
    const isLookedAt = new Promise<void>((resolve) => {
      duringLogin = resolve;
    });
    await isLookedAt;
    duringLogin = () => {};
    hasty.stream.destroy();
    await new Promise((resolve) => setTimeout(resolve, 30));
    await hasty.endAsync(true);
  }
  expect(broker.clientCount()).toBe(1);
});
