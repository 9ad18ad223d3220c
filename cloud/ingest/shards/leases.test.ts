import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Db } from '../../db/connect.ts';
import { transaction } from '../../db/transaction.ts';
import { machineClock } from '../../testing/test-clock.ts';
import { openTestDatabase } from '../../testing/test-database.ts';
import { confirmShards, inShard, ShardLostError } from './fence.ts';
import { forgetLeases, keepLeases, leaseStanding, leaveProcesses, releaseShards } from './leases.ts';

const A = '00000000-0000-4000-8000-00000000000a';
const B = '00000000-0000-4000-8000-00000000000b';
const LEASE_MS = 30_000;
const NONE = new Set<number>();
const ALL = Array.from({ length: 64 }, (_, shard) => shard);

let db: Db;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.destroy());
beforeEach(() => forgetLeases(db));

const keep = (processId: string, leaving: ReadonlySet<number> = NONE) =>
  keepLeases(db, { processId, leaseMs: LEASE_MS }, leaving);
/** As if its time had passed. */
const runOut = async (processId: string) => {
  await sql`update ingest_shards set leased_until = clock_timestamp() where owner = ${processId}`.execute(db);
  await sql`update ingest_processes set alive_until = clock_timestamp() where process_id = ${processId}`.execute(db);
};
const contextOf = (processId: string) => ({ db, processId, clock: machineClock });

test('XC-07 one alone takes every shard, and gives back half when a second one comes', async () => {
  expect((await keep(A)).held).toEqual(ALL);
  expect(await keep(B)).toMatchObject({ held: [], othersEndInMs: expect.any(Number) });
  const { giveBack } = await keep(A);
  expect(giveBack).toEqual(ALL.slice(32));
  expect((await keep(A, new Set(giveBack))).giveBack).toEqual([]);
  expect((await keep(B)).held).toEqual([]);
  await releaseShards(db, A, giveBack);
  expect((await keep(B)).held).toEqual(giveBack);
  expect(await leaseStanding(db, A)).toEqual({ isAlive: true, own: 32, leased: 64 });
});

test('XC-07 what a process that leaves gives back is taken at once, and one that ends without a word loses it with its time', async () => {
  await keep(A);
  await leaveProcesses(db, A);
  await releaseShards(db, A, ALL.slice(0, 10));
  expect((await keep(B)).held).toEqual(ALL.slice(0, 10));
  await runOut(A);
  expect((await keep(B)).held).toEqual(ALL);
});

test('XC-07 a lease is renewed by the time of the database, and one that has run out is not', async () => {
  await keep(A);
  const before = (await keep(B)).othersEndInMs ?? 0;
  expect(before).toBeGreaterThan(LEASE_MS / 2);
  await runOut(A);
  await keep(B);
  expect((await keep(A)).held).toEqual([]);
});

test('SY-01 XC-07 without a live lease nothing is written, and with one it is', async () => {
  const write = (processId: string, shard: number) =>
    inShard(contextOf(processId), shard, (trx) =>
      trx
        .insertInto('partners')
        .values({ partner_id: `${processId}-${shard}`, name: 'x', created_at_ms: 0 })
        .execute(),
    );
  const written = async () => (await db.selectFrom('partners').select('partner_id').execute()).length;
  await expect(write(A, 5)).rejects.toThrow(ShardLostError);
  await keep(A);
  const { tenure } = await write(A, 5);
  expect(tenure.isLive()).toBe(true);
  await expect(write(B, 5)).rejects.toThrow(ShardLostError);
  expect(await written()).toBe(1);
  await runOut(A);
  // Nobody has taken it over yet, and all the same it is over.
  await expect(write(A, 6)).rejects.toThrow(ShardLostError);
  await keep(B);
  await expect(write(A, 6)).rejects.toThrow(ShardLostError);
  await write(B, 6);
  expect(await written()).toBe(2);
});

test('SY-01 XC-07 an answer is due no longer than the lease that its work was done under', async () => {
  await keepLeases(db, { processId: A, leaseMs: 60_000 }, NONE);
  let nowMs = 0;
  const context = { processId: A, clock: { monoMs: () => nowMs } };
  const tenure = await transaction(db, async (trx) => (await confirmShards(context, trx, [1])).get(1));
  nowMs = 30_000;
  expect(tenure?.isLive()).toBe(true);
  nowMs = 60_000;
  expect(tenure?.isLive()).toBe(false);
});
