import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect, sql } from 'kysely';
import { expect, test } from 'vitest';
import { migrationsFolder } from '../testing/database-template.ts';
import { migrate, readMigrations } from './migrate.ts';
import type { Database } from './schema.ts';

test('OP-08 OP-09 keys that were rotated before there were families of keys get that of the first, with one past', async () => {
  const migrations = await readMigrations(migrationsFolder);
  const isOfFamilies = (name: string) => name === '0041_key_families.sql';
  const before = migrations.filter(({ name }) => name < '0041');
  const db = new Kysely<Database>({ dialect: new PGliteDialect({ pglite: await PGlite.create() }) });
  await migrate(db, before, 1);
  await sql`insert into partners (partner_id, name, created_at_ms) values ('p', 'P', 1)`.execute(db);
  // The third was never used, and another took its place when the rotation was repeated.
  for (const [keyId, next] of [
    ['fourth', null],
    ['third', null],
    ['second', 'fourth'],
    ['first', 'second'],
    ['other', null],
  ])
    await sql`insert into partner_keys (key_id, partner_id, environment, scopes, secret_sealed, created_at_ms, replaced_by)
      values (${keyId}, 'p', 'sandbox', '[]', 'sealed', 1, ${next})`.execute(db);
  for (const [keyId, source, calls] of [
    ['first', 'a', 1],
    ['second', 'a', 2],
    ['fourth', 'a', 4],
    ['fourth', 'b', 8],
    ['other', 'a', 16],
  ])
    await sql`insert into key_usage values (${keyId}, 300000, 'read', ${source}, ${calls})`.execute(db);
  await migrate(db, [...before, ...migrations.filter(({ name }) => isOfFamilies(name))], 2);
  const keys = await db.selectFrom('partner_keys').select(['key_id', 'family_id']).orderBy('key_id').execute();
  expect(keys.map((key) => [key.key_id, key.family_id])).toEqual([
    ['first', 'first'],
    ['fourth', 'first'],
    ['other', 'other'],
    ['second', 'first'],
    ['third', 'third'],
  ]);
  const usage = await db.selectFrom('key_usage').selectAll().orderBy('family_id').orderBy('source').execute();
  expect(usage.map((row) => [row.family_id, row.source, row.calls])).toEqual([
    ['first', 'a', 7],
    ['first', 'b', 8],
    ['other', 'a', 16],
  ]);
  await db.destroy();
}, 60_000);
