import { expect, test } from 'vitest';
import { operationsOf } from './api-document.ts';
import { Tally, tableOf } from './tally.ts';

const operations = operationsOf('api', {
  paths: { '/v1/a': { get: { responses: {} } }, '/v1/b': { post: { responses: {} } } },
});

test('each operation is counted with its successes and its refusals by code, and one that nobody asked for is there as well', () => {
  const tally = new Tally(operations);
  tally.count('GET /v1/a', 200, null);
  tally.count('GET /v1/a', 404, 'order.unknown');
  tally.count('GET /v1/a', 404, 'order.unknown');
  tally.count('GET /v1/a', 431, null);
  expect(tally.rows()).toEqual([
    { operation: 'GET /v1/a', requests: 4, successes: 1, refusals: { 'order.unknown': 2, 431: 1 } },
    { operation: 'POST /v1/b', requests: 0, successes: 0, refusals: {} },
  ]);
  expect([tally.hasSucceeded('GET /v1/a'), tally.hasSucceeded('POST /v1/b')]).toEqual([true, false]);
  expect(tally.statuses).toEqual({ 200: 1, 404: 2, 431: 1 });
  expect(tableOf(tally.rows())).toContain('GET /v1/a       4      1  order.unknown 2, 431 1');
});
