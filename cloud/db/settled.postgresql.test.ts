import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { openTestDatabase } from '../testing/test-database.ts';
import type { Db } from './connect.ts';
import { settledBeforeMs } from './settled.ts';

const MARGIN_MS = 1_000;
const OPEN_MS = 300;

let db: Db;
let url: URL;
beforeAll(async () => {
  db = await openTestDatabase();
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(db);
  url = new URL(inject('postgresqlUrl') ?? '');
  url.pathname = `/${rows[0]?.name}`;
});
afterAll(() => db.destroy());

/** Somebody with a transaction that has been open for `OPEN_MS`. */
async function keepOpen(as: { role?: string; program?: string }): Promise<void> {
  const own = new URL(url);
  if (as.role !== undefined) [own.username, own.password] = [as.role, 'for-a-test'];
  const client = new pg.Client({ connectionString: own.href, application_name: as.program });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('begin isolation level repeatable read');
  await client.query('select 1');
  await new Promise((resolve) => setTimeout(resolve, OPEN_MS));
}

test('OP-21 a transaction of the cloud holds lists up for as long as it may still write', async () => {
  await keepOpen({});
  expect(await settledBeforeMs(db, 50_000)).toBeLessThanOrEqual(50_000 - MARGIN_MS - OPEN_MS);
});

test('OP-21 a backup that takes hours holds no list up', async () => {
  await keepOpen({ program: 'pg_dump' });
  expect(await settledBeforeMs(db, 50_000)).toBe(50_000 - MARGIN_MS);
});

test('OP-21 somebody with a role of their own, who keeps a transaction open, holds no list up', async () => {
  const role = `watcher_${Math.random().toString(36).slice(2)}`;
  await sql`create role ${sql.ref(role)} login password 'for-a-test'`.execute(db);
  onTestFinished(async () => void (await sql`drop role ${sql.ref(role)}`.execute(db)));
  await keepOpen({ role });
  expect(await settledBeforeMs(db, 50_000)).toBe(50_000 - MARGIN_MS);
});
