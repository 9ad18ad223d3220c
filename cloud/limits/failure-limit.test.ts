import { afterAll, beforeAll, expect, test } from 'vitest';
import { PilegateError } from '#shared/errors.ts';
import type { Db } from '../db/connect.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { openTestDatabase } from '../testing/test-database.ts';
import { type FailureLimit, withinFailures } from './failure-limit.ts';

const clock = createTestClock();
const limit: FailureLimit = { door: 'test', policy: { perMinute: 6, burst: 4 }, code: 'claim.too_many' };
let db: Db;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.destroy());

let tries = 0;
const attempt = (address: string, failure: Error | null): Promise<string> => {
  const work = () => {
    tries += 1;
    return failure === null ? Promise.resolve('right') : Promise.reject(failure);
  };
  return withinFailures({ db, clock }, limit, address, work).catch((error: Error) =>
    error instanceof PilegateError ? error.code : 'ours',
  );
};
const wrong = new PilegateError('claim.unknown', 'no such code');
const many = (address: string, failure: Error | null, count: number) =>
  Promise.all(Array.from({ length: count }, () => attempt(address, failure)));

test('OP-08 of many wrong tries at once no more are made than may be, and the next one when there is room again', async () => {
  tries = 0;
  const codes = await many('192.0.2.1', wrong, 20);
  expect([tries, codes.filter((code) => code === 'claim.too_many').length]).toEqual([4, 16]);
  expect(await attempt('192.0.2.1', null)).toBe('claim.too_many');
  clock.advance(10_000);
  expect([await attempt('192.0.2.1', null), await attempt('192.0.2.1', wrong)]).toEqual(['right', 'claim.unknown']);
  expect(await attempt('192.0.2.1', wrong)).toBe('claim.too_many');
});

test('OP-08 who is right, and whom we have failed, has used up nothing', async () => {
  for (let n = 0; n < 12; n += 1) expect(await attempt('192.0.2.2', null)).toBe('right');
  for (let n = 0; n < 12; n += 1) expect(await attempt('192.0.2.2', new Error('disk'))).toBe('ours');
  expect(await many('192.0.2.2', wrong, 4)).toEqual(Array.from({ length: 4 }, () => 'claim.unknown'));
});

test('OP-08 what has leaked away by itself while it was done is not put back for somebody else', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const slow = withinFailures({ db, clock }, limit, '192.0.2.3', () => promise);
  // It has to be counted first.
  await expect
    .poll(() => db.selectFrom('rate_buckets').selectAll().where('subject', '=', 'caller:192.0.2.3').execute())
    .toHaveLength(1);
  clock.advance(60_000);
  expect(await attempt('192.0.2.3', wrong)).toBe('claim.unknown');
  resolve();
  await slow;
  expect(await many('192.0.2.3', wrong, 4)).toContain('claim.too_many');
});

test('OP-08 addresses count for themselves, those of one network of IPv6 together', async () => {
  expect(await many('2001:db8::1', wrong, 4)).not.toContain('claim.too_many');
  expect(await attempt('2001:db8::ffff', null)).toBe('claim.too_many');
  expect(await attempt('2001:db8:0:1::1', null)).toBe('right');
});
