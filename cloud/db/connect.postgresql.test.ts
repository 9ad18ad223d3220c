import { sql } from 'kysely';
import { expect, inject, test } from 'vitest';
import { FaultProxy } from '../../test/sync/fault-proxy.ts';
import { connect } from './connect.ts';
import { isTransient, transaction } from './transaction.ts';

test('XC-12 a transaction that its process keeps waiting is ended by the server, and the process goes on', async () => {
  const lost: Error[] = [];
  const url = inject('postgresqlUrl') ?? '';
  const db = await connect({ engine: 'postgresql', url, idleInTransactionMs: 200 }, (error) => lost.push(error));
  const failed = await transaction(db, async (trx) => {
    await sql`select 1`.execute(trx);
    await expect.poll(() => lost.length).toBeGreaterThan(0);
    await sql`select 2`.execute(trx);
  }).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(Error);
  expect(isTransient(failed)).toBe(true);
  expect((await sql`select 3 as three`.execute(db)).rows).toEqual([{ three: 3 }]);
  await db.destroy();
});

test('SY-01 XC-03 on a wire that brings nothing any more a statement fails after a while, as one that may be tried again, and then goes through', async () => {
  const straight = new URL(inject('postgresqlUrl') ?? '');
  const way = await FaultProxy.before(straight.href);
  const through = new URL(straight);
  through.port = String(way.port);
  const lost: Error[] = [];
  const db = await connect({ engine: 'postgresql', url: through.href, silenceMs: 700 }, (error) => lost.push(error));
  const ask = () => sql`select 4 as four`.execute(db);
  const refusal = () => ask().catch((error: unknown) => error);
  await ask();
  await way.set({ swallow: 'both' });
  const [inUse, new_] = await Promise.all([refusal(), refusal()]);
  for (const error of [inUse, new_]) {
    expect(error).toMatchObject({ code: 'ETIMEDOUT' });
    expect(isTransient(error)).toBe(true);
  }
  await way.set({});
  expect((await ask()).rows).toEqual([{ four: 4 }]);
  // A statement that takes longer, of which the server says nothing, is given up too.
  expect(await sql`select pg_sleep(2)`.execute(db).catch((error: unknown) => error)).toMatchObject({
    code: 'ETIMEDOUT',
  });
  await db.destroy();
  await way.close();
});
