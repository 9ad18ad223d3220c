import { expect, test } from 'vitest';
import { checkCloud } from './site-cloud.ts';

const complaintsAbout = (change: object): string[] => {
  const complaints: string[] = [];
  const cloud = { brokerUrl: 'mqtts://broker.example:8883', shard: 7, ...change };
  checkCloud(cloud, (path, reason) => complaints.push(`${path.join('.')}: ${reason}`));
  return complaints;
};
const identity = (kind: 'password' | 'certificate', claimUrl = 'https://cloud.example') => ({ kind, claimUrl });

test('SY-06 nothing secret goes unencrypted to another machine, unless the file says that it may', () => {
  const plain = { brokerUrl: 'mqtt://broker.example:1883' };
  expect(complaintsAbout({ ...plain, passwordFile: 'p' })).toEqual([
    expect.stringContaining('cloud.brokerUrl: the password would go unencrypted to broker.example'),
  ]);
  expect(complaintsAbout({ ...plain, identity: identity('password') })).toHaveLength(1);
  expect(complaintsAbout({ identity: identity('password', 'http://10.0.0.1:8080') })).toEqual([
    expect.stringContaining('cloud.identity.claimUrl: the claim code would go unencrypted to 10.0.0.1'),
  ]);
  expect(complaintsAbout({ ...plain, passwordFile: 'p', allowUnencrypted: true })).toEqual([]);
});

test.each(['mqtt://127.0.0.1:1883', 'mqtt://localhost', 'mqtt://[::1]:1883', 'mqtts://broker.example'])(
  'SY-06 a password may go to %s',
  (brokerUrl) => {
    expect(complaintsAbout({ brokerUrl, passwordFile: 'p' })).toEqual([]);
  },
);

test.each(['mqtt://127.0.0.1.example.com', 'mqtt://localhost.example.com', 'mqtt://128.0.0.1'])(
  'SY-06 %s is not this machine',
  (brokerUrl) => {
    expect(complaintsAbout({ brokerUrl, passwordFile: 'p' })).toHaveLength(1);
  },
);

test('SY-06 a certificate asks for TLS, and a site has one way to log in', () => {
  expect(complaintsAbout({ identity: identity('certificate') })).toEqual([]);
  expect(complaintsAbout({ brokerUrl: 'mqtt://127.0.0.1', identity: identity('certificate') })).toHaveLength(1);
  expect(complaintsAbout({ passwordFile: 'p', identity: identity('certificate') })).toHaveLength(1);
});

test('SY-08 SY-06 what holds of the first way to the broker holds of every other', () => {
  const fallbacks = [{ brokerUrl: 'mqtts://broker.example:8883' }, { brokerUrl: 'mqtt://second.example:1883' }];
  expect(complaintsAbout({ fallbacks, passwordFile: 'p' })).toEqual([
    expect.stringContaining('cloud.fallbacks.1.brokerUrl: the password would go unencrypted to second.example'),
  ]);
  expect(complaintsAbout({ fallbacks: fallbacks.slice(0, 1), passwordFile: 'p' })).toEqual([]);
});
