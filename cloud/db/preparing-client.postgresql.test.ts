import { sql } from 'kysely';
import { expect, inject, test } from 'vitest';
import { connect, type Db } from './connect.ts';
import { isTransient } from './transaction.ts';

const refuseLoss = (error: Error): never => {
  throw error;
};

async function open(): Promise<Db> {
  const db = await connect({ engine: 'postgresql', url: inject('postgresqlUrl') ?? '' }, refuseLoss);
  await sql`create table if not exists remembered_things (id int primary key, name text)`.execute(db);
  await sql`truncate remembered_things`.execute(db);
  await sql`insert into remembered_things values (7, 'seven')`.execute(db);
  return db;
}

const look = (db: Db) => sql`select * from remembered_things where id = ${7}`.execute(db).then(({ rows }) => rows);
const count = async (db: Db): Promise<number> =>
  (await sql<{ n: number }>`select count(*)::int as n from pg_prepared_statements`.execute(db)).rows[0]?.n ?? -1;

const times = async (n: number, act: () => Promise<unknown>): Promise<void> => {
  for (let done = 0; done < n; done += 1) await act();
};

test('OP-15 a statement that is asked often is remembered by the server, one that is asked seldom is not', async () => {
  const db = await open();
  await db.connection().execute(async (one) => {
    await times(15, () => look(one));
    expect(await count(one)).toBe(0);
    await times(15, () => look(one));
    expect(await count(one)).toBe(1);
    expect(await look(one)).toEqual([{ id: 7, name: 'seven' }]);
  });
  await db.destroy();
});

test('OP-15 statements without number fill neither the server nor this process', async () => {
  const db = await open();
  await db.connection().execute(async (one) => {
    const ask = (i: number) => sql`select ${sql.lit(i)}::int + ${1}::int as sum`.execute(one);
    for (let i = 0; i < 155; i += 1) await times(21, () => ask(i));
    expect(await count(one)).toBe(150);
    expect((await ask(154)).rows).toEqual([{ sum: 155 }]);
  });
  await db.destroy();
});

test('OP-15 SY-01 after a migration a remembered statement is refused once, as one that may be tried again, and then answers with what came', async () => {
  const db = await open();
  await db.connection().execute(async (one) => {
    await times(30, () => look(one));
    await sql`alter table remembered_things add column colour text default 'red'`.execute(one);
    const refused = await look(one).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Error);
    expect(isTransient(refused)).toBe(true);
    expect(await look(one)).toEqual([{ id: 7, name: 'seven', colour: 'red' }]);
  });
  await sql`drop table remembered_things`.execute(db);
  await db.destroy();
});
