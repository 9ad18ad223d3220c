import { expect, test } from 'vitest';
import {
  allDown,
  allUp,
  downKinds,
  downTopic,
  parseDownTopic,
  parseUpTopic,
  SHARD_COUNT,
  upKinds,
  upTopic,
} from './topics.ts';

test('SY-06 what is built can be parsed, for every kind and shard', () => {
  for (const shard of [0, 7, SHARD_COUNT - 1]) {
    for (const kind of upKinds)
      expect(parseUpTopic(upTopic(shard, 'site-1', kind))).toEqual({ shard, siteId: 'site-1', kind });
    for (const kind of downKinds) {
      expect(parseDownTopic(downTopic(shard, 'site-1', kind))).toEqual({ shard, siteId: 'site-1', kind });
    }
  }
});

test('version 1 topics are these for ever', () => {
  expect(upTopic(7, 'site-1', 'batch')).toBe('pilegate/v1/07/site-1/up/batch');
  expect(downTopic(63, 'site-1', 'command')).toBe('pilegate/v1/63/site-1/down/command');
  expect(allDown(7, 'site-1')).toBe('pilegate/v1/07/site-1/down/+');
  expect(allUp(7)).toBe('pilegate/v1/07/+/up/+');
});

test.each([
  'pilegate/v1/07/site-1/down/hello',
  'pilegate/v1/07/site-1/up/dance',
  'pilegate/v1/07/site-1/up/hello/more',
  'pilegate/v1/07/site-1/up',
  'pilegate/v2/07/site-1/up/hello',
  'pilegate/v1/64/site-1/up/hello',
  'pilegate/v1/7/site-1/up/hello',
  'pilegate/v1/+1/site-1/up/hello',
  'pilegate/v1/07//up/hello',
  'pilegate/v1/07/+/up/hello',
  'pilegate/v1/07/-site/up/hello',
  'other/v1/07/site-1/up/hello',
  '',
])('"%s" is none of ours', (topic) => {
  expect(parseUpTopic(topic)).toBeNull();
});

test('an up topic is no down topic', () => {
  expect(parseDownTopic(upTopic(1, 's', 'nack'))).toBeNull();
  expect(parseUpTopic(downTopic(1, 's', 'nack'))).toBeNull();
});
