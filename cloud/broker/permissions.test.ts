import { expect, test } from 'vitest';
import { mayPublish, maySubscribe, mayUseClientId } from './permissions.ts';

const site = { role: 'site', siteId: 'a', shard: 7, fingerprint: 'f' } as const;

test('SY-06 the topic rules confine a site to its own shard, id and direction', () => {
  expect(mayPublish(site, 'pilegate/v1/07/a/up/batch')).toBe(true);
  const others = [
    'pilegate/v1/08/a/up/batch',
    'pilegate/v1/07/b/up/batch',
    'pilegate/v1/07/a/up/batch/x',
    'pilegate/v1/07/a/down/ack',
    '$SYS/x',
  ];
  for (const topic of others) expect(mayPublish(site, topic)).toBe(false);
  expect(maySubscribe(site, 'pilegate/v1/07/a/down/+')).toBe(true);
  expect(maySubscribe(site, 'pilegate/v1/07/+/down/+')).toBe(false);
  expect(maySubscribe(site, '$share/g/pilegate/v1/07/a/down/+')).toBe(false);
});

test('SY-06 a site cannot throw another one out by taking its client id', () => {
  expect(mayUseClientId(site, 'a')).toBe(true);
  expect(mayUseClientId(site, 'a/console')).toBe(true);
  expect(mayUseClientId(site, 'a-2')).toBe(false);
  expect(mayUseClientId(site, 'b')).toBe(false);
});
