import { expect, test } from 'vitest';
import { readConfig } from './config.ts';
import { defaultRatePolicies } from './partners/rate-policy.ts';

test('an empty environment gives a cloud in one process on loopback', () => {
  expect(readConfig({})).toMatchObject({
    role: 'all',
    httpHost: '127.0.0.1',
    httpPort: 8080,
    mqttPort: 1883,
    startTimeoutMs: 60_000,
    samplesKeepMs: 90 * 86_400_000,
    alertPostsKeepMs: 365 * 86_400_000,
    operatorId: null,
    streamsPerKey: 5,
    statusKeepMs: 72 * 3_600_000,
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
  ['PILEGATE_START_TIMEOUT_S_BY_MODEL', { PILEGATE_START_TIMEOUT_S_BY_MODEL: 'acme-dc=150,other-dc' }],
  ['PILEGATE_START_TIMEOUT_S_BY_MODEL', { PILEGATE_START_TIMEOUT_S_BY_MODEL: 'acme-dc=0' }],
  ['PILEGATE_SAMPLES_KEEP_DAYS', { PILEGATE_SAMPLES_KEEP_DAYS: '0' }],
  ['PILEGATE_ALERT_POSTS_KEEP_DAYS', { PILEGATE_ALERT_POSTS_KEEP_DAYS: '6' }],
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
    PILEGATE_START_TIMEOUT_S_BY_MODEL: 'acme-dc=150, other-dc = 90.5',
  });
  expect(config.webhookDevAllow).toEqual(['127.0.0.1:1', 'localhost:2']);
  expect(config.webhookRetryMs).toEqual([500, 2_000]);
  expect([...config.startTimeoutMsByModel]).toEqual([
    ['acme-dc', 150_000],
    ['other-dc', 90_500],
  ]);
});

test('OP-08 limits are given by class, and what is not named stays as it is', () => {
  const { rateLimits } = readConfig({ PILEGATE_RATE_LIMITS: 'control=60/9, read=30/3' });
  expect(rateLimits).toEqual({
    ...defaultRatePolicies,
    control: { perMinute: 60, burst: 9 },
    read: { perMinute: 30, burst: 3 },
  });
  expect(readConfig({}).rateLimits).toEqual(defaultRatePolicies);
  for (const text of ['all=1/1', 'read=0/5', 'read=5', 'read=1.5/2', ''])
    expect(() => readConfig({ PILEGATE_RATE_LIMITS: text }), text).toThrow('PILEGATE_RATE_LIMITS');
});

test('OP-05 proxies are trusted by address or range, and nobody by default', () => {
  const { trustedProxies } = readConfig({ PILEGATE_TRUSTED_PROXIES: '10.0.0.0/8, 2001:db8::1' });
  expect(trustedProxies).toEqual(['10.0.0.0/8', '2001:db8::1']);
  expect(readConfig({}).trustedProxies).toEqual([]);
  for (const text of ['10.0.0.1/8', 'proxy.example', 'true', '1'])
    expect(() => readConfig({ PILEGATE_TRUSTED_PROXIES: text }), text).toThrow('PILEGATE_TRUSTED_PROXIES');
});
