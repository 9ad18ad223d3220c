import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect, sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrationsFolder } from '../testing/database-template.ts';
import { openTestDatabase } from '../testing/test-database.ts';
import type { Db } from './connect.ts';
import { parseInt8 } from './int8.ts';
import { migrate, readMigrations } from './migrate.ts';
import type { Database } from './schema.ts';
import { isTransient, isUniqueViolation, savepoint, transaction } from './transaction.ts';

let db: Db;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.destroy());

const insert = (siteId: string, store: Pick<Db, 'insertInto'> = db) =>
  store.insertInto('partners').values({ partner_id: siteId, name: 'x', created_at_ms: 1_795_255_200_123 }).execute();

test('bigint columns come back as exact numbers, or not at all', async () => {
  await insert('int8');
  const row = await db.selectFrom('partners').selectAll().where('partner_id', '=', 'int8').executeTakeFirstOrThrow();
  expect(row.created_at_ms).toBe(1_795_255_200_123);
  await expect(sql`select 9007199254740993::bigint as n`.execute(db)).rejects.toThrow('does not fit');
});

test('a bigint that no number holds exactly is refused, not rounded', () => {
  expect(parseInt8('-9007199254740991')).toBe(-9007199254740991);
  expect(() => parseInt8('9007199254740993')).toThrow(RangeError);
});

const made = (name: string, text: string) => ({ name, text, sha256: `sha256 of ${text}` });

test('migrations run once; one that was changed or is not known is refused by name', async () => {
  const migrations = await readMigrations(migrationsFolder);
  expect(migrations.length).toBeGreaterThan(4);
  await migrate(db, migrations, 1);
  const changed = migrations.map((one, index) => (index === 1 ? { ...one, sha256: 'other' } : one));
  await expect(migrate(db, changed, 1)).rejects.toMatchObject({
    code: 'database.changed',
    detail: expect.stringMatching(/0002_ingest\.sql$/),
  });
  const older = [...migrations.slice(1), made('9999_of_this_one.sql', 'create table of_this_one (a int);')];
  await expect(migrate(db, older, 1)).rejects.toMatchObject({
    code: 'database.newer',
    detail: expect.stringMatching(/0001_stations\.sql$/),
  });
  await expect(sql`select * from of_this_one`.execute(db)).rejects.toThrow('of_this_one');
});

test('SY-06 the password that a site had before it could have more of them still lets it in', async () => {
  const migrations = await readMigrations(migrationsFolder);
  const before = migrations.filter(({ name }) => name < '0014');
  const old = new Kysely<Database>({ dialect: new PGliteDialect({ pglite: await PGlite.create() }) });
  await migrate(old, before, 1);
  await sql`insert into sites values ('old', 'x', 'live', 'UTC', 7, 'digest', 5, 5)`.execute(old);
  await migrate(old, [...before, ...migrations.filter(({ name }) => name.startsWith('0014'))], 2);
  const row = await old.selectFrom('site_credentials').selectAll().executeTakeFirstOrThrow();
  expect(row).toMatchObject({
    fingerprint: 'digest',
    site_id: 'old',
    kind: 'password',
    expires_at_ms: null,
    ended_at_ms: null,
  });
  await old.destroy();
});

test('a migration that fails leaves nothing of itself behind', async () => {
  const migrations = await readMigrations(migrationsFolder);
  const broken = { name: '9999_broken.sql', sha256: 'x', text: 'create table half (a int);\nselect nonsense;\n' };
  await expect(migrate(db, [...migrations, broken], 1)).rejects.toThrow('nonsense');
  await expect(sql`select * from half`.execute(db)).rejects.toThrow('half');
});

test('SY-01 a step that fails undoes only itself', async () => {
  await transaction(db, async (trx) => {
    await insert('before', trx);
    const failing = savepoint(trx, async () => {
      await insert('inside', trx);
      await insert('before', trx);
    });
    await expect(failing).rejects.toSatisfy(isUniqueViolation);
    await insert('after', trx);
  });
  const ids = (await db.selectFrom('partners').select('partner_id').execute()).map((row) => row.partner_id);
  expect(ids).toEqual(expect.arrayContaining(['before', 'after']));
  expect(ids).not.toContain('inside');
});

test('what may succeed later is told from what never will', () => {
  const withCode = (code: string) => Object.assign(new Error('x'), { code });
  for (const code of ['40P01', '40001', '57P01', '08006', '53300', 'ECONNRESET'])
    expect(isTransient(withCode(code))).toBe(true);
  for (const code of ['23505', '22P05', '42703', 'FST_ERR']) expect(isTransient(withCode(code))).toBe(false);
  expect(isTransient(new TypeError('a mistake of ours'))).toBe(false);
});

test('a migration that comes before one that is applied already is applied by its name, in the order of names', async () => {
  const released = await readMigrations(migrationsFolder);
  const first = made('9001_first.sql', 'create table first (a int);');
  const second = made('9002_second.sql', 'alter table first add column b int;');
  const third = made('9003_third.sql', 'alter table first add column c int;');
  const fourth = made('9004_fourth.sql', 'alter table first drop column b;');
  await migrate(db, [...released, first, third], 1);
  await migrate(db, [fourth, third, second, first, ...released], 2);
  const rows = await db.selectFrom('schema_migrations').select(['name', 'applied_at_ms']).orderBy('name').execute();
  expect(rows.slice(released.length).map((row) => [row.name, row.applied_at_ms])).toEqual([
    ['9001_first.sql', 1],
    ['9002_second.sql', 2],
    ['9003_third.sql', 1],
    ['9004_fourth.sql', 2],
  ]);
  await sql`select a, c from first`.execute(db);
});
