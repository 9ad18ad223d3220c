import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Db } from '../../db/connect.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import { openTestDatabase } from '../../testing/test-database.ts';
import { beginAttempt } from './attempts.ts';

const clock = createTestClock();
let db: Db;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.destroy());

const attempt = (key: string, aheadMs = 0) =>
  beginAttempt({ db, clock: { ...clock, wallMs: () => clock.wallMs() + aheadMs } }, key);

test('XC-01 a clock that is set back keeps nobody out', async () => {
  for (let n = 0; n < 9; n += 1) await attempt('login:a').catch(() => undefined);
  clock.advance(-86_400_000);
  await attempt('login:a');
  await expect(attempt('login:a')).rejects.toThrow('staff.too_many');
});

test('XC-01 whoever is wrong once waits for nothing, also where the clock of another process is behind', async () => {
  await attempt('login:b', 500);
  await attempt('login:b');
});
