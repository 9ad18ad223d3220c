import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect, sql } from 'kysely';
import { expect, test } from 'vitest';
import { migrate, readMigrations } from '../../db/migrate.ts';
import type { Database } from '../../db/schema.ts';
import { migrationsFolder } from '../../testing/database-template.ts';

const CREDIT = '0032_credit.sql';

test('OP-28 partners from before there was credit go on live without a limit, in each currency that is asked for; new ones have nothing', async () => {
  const migrations = await readMigrations(migrationsFolder);
  const before = migrations.filter(({ name }) => name < '0032');
  const db = new Kysely<Database>({ dialect: new PGliteDialect({ pglite: await PGlite.create() }) });
  await migrate(db, before, 1);
  await sql`insert into partners (partner_id, name, created_at_ms) values ('old', 'Old', 5)`.execute(db);
  for (const [id, currency] of [
    ['day', 'CNY'],
    ['night', 'CNY'],
    ['north', 'EUR'],
  ])
    await sql`insert into tariffs values (${id}, 1, ${JSON.stringify({ currency })}, 'x', 5)`.execute(db);
  await migrate(db, [...before, ...migrations.filter(({ name }) => name === CREDIT)], 2);
  const accounts = db.selectFrom('credit_accounts').selectAll().orderBy('currency');
  expect(await accounts.execute()).toMatchObject([
    { partner_id: 'old', environment: 'live', currency: 'CNY', kind: 'unlimited', hold_per_start_minor: null },
    { partner_id: 'old', environment: 'live', currency: 'EUR', kind: 'unlimited', agreed_by: 'migration' },
  ]);
  await sql`insert into partners (partner_id, name, created_at_ms) values ('new', 'New', 6)`.execute(db);
  expect(await accounts.where('partner_id', '=', 'new').execute()).toEqual([]);
  await db.destroy();
});
