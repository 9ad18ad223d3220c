import { sql } from 'kysely';
import { expect, inject, test } from 'vitest';
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
