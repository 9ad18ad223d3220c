import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Db } from '../../db/connect.ts';
import { transaction } from '../../db/transaction.ts';
import { machineClock } from '../../testing/test-clock.ts';
import { openTestDatabase } from '../../testing/test-database.ts';
import { confirmShards } from './fence.ts';
import { keepLeases } from './leases.ts';

/** What takes two transactions at once, which the embedded engine does not have. */

const A = '00000000-0000-4000-8000-00000000000a';
const B = '00000000-0000-4000-8000-00000000000b';
const NONE = new Set<number>();

let db: Db;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.destroy());

test('SY-01 XC-07 a shard is not taken over before a transaction that began under the old lease is over', async () => {
  const keep = (processId: string) => keepLeases(db, { processId, leaseMs: 60_000 }, NONE);
  await keep(A);
  await transaction(db, async (trx) => {
    const confirmed = await confirmShards({ processId: A, clock: machineClock }, trx, [7, 8]);
    expect([...confirmed.keys()].sort()).toEqual([7, 8]);
    // A stalls here for longer than its lease.
    await sql`update ingest_shards set leased_until = clock_timestamp() where owner = ${A}`.execute(db);
    await sql`delete from ingest_processes`.execute(db);
    const { held } = await keep(B);
    expect(held.length).toBe(62);
    expect(held).not.toContain(7);
    expect(held).not.toContain(8);
  });
  expect((await keep(B)).held.length).toBe(64);
});

test('XC-07 processes that look at the same moment never have a shard twice', async () => {
  await sql`delete from ingest_processes`.execute(db);
  await sql`update ingest_shards set owner = null`.execute(db);
  const ids = Array.from({ length: 6 }, (_, i) => `00000000-0000-4000-8000-00000000010${i}`);
  for (let round = 0; round < 5; round += 1) {
    const rounds = await Promise.all(ids.map((processId) => keepLeases(db, { processId, leaseMs: 60_000 }, NONE)));
    const all = rounds.flatMap(({ held }) => held);
    expect(new Set(all).size).toBe(all.length);
    for (const [i, processId] of ids.entries()) {
      const back = rounds[i]?.giveBack ?? [];
      await sql`update ingest_shards set owner = null where owner = ${processId} and shard = any(${[...back]}::int[])`.execute(
        db,
      );
    }
  }
  const counts = await sql<{
    n: number;
  }>`select count(*)::int as n from ingest_shards where owner is not null group by owner`.execute(db);
  expect(counts.rows.map((row) => row.n).sort()).toEqual([10, 10, 11, 11, 11, 11]);
});
