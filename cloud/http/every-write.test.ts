import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud();
});
afterAll(() => cloud?.stop());

/** Of these the same again does no more than once, or says so: see the partner guide. */
const REPEATABLE = /\/(rotate-secret|pause|enable|test|faults|rotate|disable)$/;

test('OP-12 every write that makes something takes a request_id', async () => {
  const { paths } = (await cloud.app.inject('/openapi.json')).json();
  const without = Object.entries<Record<string, object>>(paths).flatMap(([path, methods]) => {
    const { post } = methods;
    if (post === undefined || !path.startsWith('/v1/') || REPEATABLE.test(path)) return [];
    return JSON.stringify(post).includes('"request_id"') ? [] : [path];
  });
  expect(without).toEqual([]);
});
