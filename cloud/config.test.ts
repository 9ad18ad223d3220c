import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

test('an empty environment gives a cloud in one process on loopback', () => {
  expect(readConfig({})).toMatchObject({
    role: 'all',
    httpHost: '127.0.0.1',
    httpPort: 8080,
    mqttPort: 1883,
    startTimeoutMs: 60_000,
    samplesKeepMs: 90 * 86_400_000,
  });
});

const wrong: [string, Record<string, string>][] = [
  ['PILEGATE_HTTP_PORT', { PILEGATE_HTTP_PORT: '99999' }],
  ['PILEGATE_ROLE', { PILEGATE_ROLE: 'everything' }],
  ['DATABASE_URL', { DATABASE_URL: 'mysql://x/y' }],
  ['BROKER_URL', { BROKER_URL: 'http://x' }],
  ['PILEGATE_WEBHOOK_DEV_ALLOW', { PILEGATE_WEBHOOK_DEV_ALLOW: 'http://127.0.0.1:1' }],
  ['PILEGATE_WEBHOOK_RETRY_S', { PILEGATE_WEBHOOK_RETRY_S: '60,soon' }],
  ['PILEGATE_START_TIMEOUT_S', { PILEGATE_START_TIMEOUT_S: '0' }],
  ['PILEGATE_SAMPLES_KEEP_DAYS', { PILEGATE_SAMPLES_KEEP_DAYS: '0' }],
];
test('SY-06 a password for the broker goes unencrypted to another machine only where that is said', () => {
  const plain = { BROKER_URL: 'mqtt://cloud:secret@broker.example:1883' };
  expect(() => readConfig(plain)).toThrow('config.invalid: BROKER_URL: the password would go unencrypted');
  expect(readConfig({ ...plain, PILEGATE_BROKER_ALLOW_UNENCRYPTED: 'true' }).brokerUrl).toBe(plain.BROKER_URL);
  for (const good of ['mqtts://cloud:secret@broker.example', 'mqtt://cloud:secret@127.0.0.1', 'mqtt://broker.example'])
    expect(readConfig({ BROKER_URL: good }).brokerUrl).toBe(good);
});

test.each(wrong)('XC-08 a bad %s is named', (name, env) => {
  expect(() => readConfig(env)).toThrow(`config.invalid: ${name}`);
});

test('XC-07 a single role needs a database and a broker that other processes can reach too', () => {
  expect(() => readConfig({ PILEGATE_ROLE: 'api' })).toThrow(/DATABASE_URL.*BROKER_URL/);
});

test('lists are read as lists', () => {
  const config = readConfig({
    PILEGATE_WEBHOOK_DEV_ALLOW: '127.0.0.1:1, localhost:2',
    PILEGATE_WEBHOOK_RETRY_S: '0.5,2',
  });
  expect(config.webhookDevAllow).toEqual(['127.0.0.1:1', 'localhost:2']);
  expect(config.webhookRetryMs).toEqual([500, 2_000]);
});
