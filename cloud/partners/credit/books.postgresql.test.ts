import fc from 'fast-check';
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { PilegateError } from '#shared/errors.ts';
import { connect, type Db } from '../../db/connect.ts';
import { systemRandom } from '../../random.ts';
import { CreditBooks } from '../../testing/credit-books.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import { availableOf } from './accounts.ts';
import { sumComplaints } from './check-books.ts';
import { transfer } from './transfer.ts';

let first: CreditBooks;
let second: CreditBooks;
let otherDb: Db;

beforeAll(async () => {
  first = await CreditBooks.open(createTestClock());
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(first.db);
  const url = new URL(inject('postgresqlUrl') ?? '');
  url.pathname = `/${rows[0]?.name}`;
  otherDb = await connect({ engine: 'postgresql', url: url.href }, () => undefined);
  second = first.beside(otherDb);
});
afterAll(async () => {
  await otherDb.destroy();
  await first.db.destroy();
});

async function deposit(minor: number): Promise<void> {
  await first.db.deleteFrom('credit_transfers').execute();
  await first.db.deleteFrom('credit_accounts').execute();
  await first.setDeposit(100);
  await first.move('top_up', minor);
}
const orNull = async (started: Promise<string>): Promise<string | null> => {
  try {
    return await started;
  } catch (error) {
    if (error instanceof PilegateError && error.code === 'credit.exhausted') return null;
    throw error;
  }
};

test('OP-28 of 120 simultaneous starts by two processes exactly as many are taken as the credit is good for', async () => {
  await deposit(2_050);
  const starts = Array.from({ length: 120 }, (_, n) => orNull((n % 2 === 0 ? first : second).start(null)));
  const taken = (await Promise.all(starts)).filter((orderId) => orderId !== null);
  expect(taken).toHaveLength(20);
  expect(availableOf(await first.account())).toBe(50);
  expect(await sumComplaints(first.db)).toEqual([]);
});

test('OP-28 starts, ends, failures and payments that cross each other on two processes: the sums are those of the movements, and nothing is lent', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.nat(5), { minLength: 2, maxLength: 10 }), { minLength: 4, maxLength: 8 }),
      async (lanes) => {
        await deposit(500);
        let lowest = 0;
        const run = async (choices: readonly number[], lane: number) => {
          const books = lane % 2 === 0 ? first : second;
          const open: string[] = [];
          for (const choice of choices) {
            const [orderId] = choice > 2 ? open.splice(0, 1) : [];
            if (choice < 2) open.push(...[await orNull(books.start(null))].filter((id) => id !== null));
            else if (choice === 2) await books.move('top_up', 70);
            else if (orderId === undefined) continue;
            // What a charge comes to stays within what was held for it, as the site sees to.
            else if (choice === 3) await books.end([{ orderId, state: 'completed', totalMinor: 93 }]);
            else if (choice === 4) await books.end([{ orderId, state: 'start_failed' }]);
            else
              await books.end([
                { orderId, state: 'void' },
                ...open.splice(0, 1).map((id) => ({ orderId: id, state: 'completed' as const, totalMinor: 100 })),
              ]);
            lowest = Math.min(lowest, availableOf(await books.account()) ?? 0);
          }
          return open.length;
        };
        const left = await Promise.all(lanes.map(run));
        const account = await first.account();
        expect(account.pending_minor).toBe(100 * left.reduce((sum, one) => sum + one, 0));
        expect(lowest).toBe(0);
        expect(await sumComplaints(first.db)).toEqual([]);
      },
    ),
    { numRuns: 12 },
  );
}, 60_000);

test('OP-28 a process that dies with a start half done, whose connection the server ends, has held nothing', async () => {
  await deposit(100);
  const begun = otherDb.connection().execute((one) =>
    first.beside(one).start(null, async (trx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
      await sql`select pg_terminate_backend(${rows[0]?.pid ?? 0})`.execute(first.db);
    }),
  );
  await expect(begun).rejects.toThrow();
  expect(await first.account()).toMatchObject({ pending_minor: 0 });
  expect(await sumComplaints(first.db)).toEqual([]);
  expect(await orNull(first.start(null))).not.toBeNull();
});

test('OP-28 a correction about an order that is just being settled waits for it, and neither is undone', async () => {
  await deposit(2_000);
  const orderId = await first.start(null);
  const said = { reference: 'r', reason: 'test', madeBy: 'test' };
  const account = { partnerId: 'p', environment: 'live', currency: 'CNY' } as const;
  const credit = { transferId: systemRandom.uuid(), kind: 'credit', amountMinor: 7, orderId } as const;
  const context = { db: otherDb, clock: createTestClock(), random: systemRandom, logger: pino({ level: 'silent' }) };
  const waiting = async () =>
    (
      await sql<{ n: number }>`select count(*)::int as n from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`.execute(otherDb)
    ).rows[0]?.n;
  let corrected: Promise<unknown> = Promise.resolve();
  await first.end([{ orderId, state: 'completed', totalMinor: 60 }], async () => {
    corrected = transfer(context, { ...account, ...credit, ...said });
    corrected.catch(() => undefined);
    await expect.poll(waiting).toBe(1);
  });
  await corrected;
  expect(availableOf(await first.account())).toBe(2_000 - 60 + 7);
  expect(await sumComplaints(first.db)).toEqual([]);
});
