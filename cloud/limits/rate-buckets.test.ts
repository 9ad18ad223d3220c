import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Db } from '../db/connect.ts';
import { transaction } from '../db/transaction.ts';
import { openTestDatabase } from '../testing/test-database.ts';
import { takeFromBucket } from './rate-buckets.ts';

let db: Db;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.destroy());

test('OP-08 what is written together with a take from a bucket is on disk when it is committed', async () => {
  const once = { perMinute: 1, burst: 1 };
  const commit = await transaction(db, async (trx) => {
    expect((await takeFromBucket(trx, 'somebody', 'told', once, 0)).isAllowed).toBe(true);
    expect((await takeFromBucket(trx, 'somebody', 'told', once, 0)).isAllowed).toBe(false);
    const { rows } = await sql<{ setting: string }>`select current_setting('synchronous_commit') as setting`.execute(
      trx,
    );
    return rows[0]?.setting;
  });
  expect(commit).toBe('on');
});
