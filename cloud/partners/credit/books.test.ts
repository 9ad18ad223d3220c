import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PilegateError } from '#shared/errors.ts';
import { savepoint, transaction } from '../../db/transaction.ts';
import { CreditBooks } from '../../testing/credit-books.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import { availableOf } from './accounts.ts';
import { sumComplaints } from './check-books.ts';
import { moveAtEnd } from './move.ts';

const HOLD_MINOR = 50;
let books: CreditBooks;

beforeAll(async () => {
  books = await CreditBooks.open(createTestClock());
});
afterAll(() => books.db.destroy());

type EndStep =
  | { readonly kind: 'end'; readonly which: number; readonly totalMinor: number; readonly isKilled: boolean }
  | { readonly kind: 'fail' | 'void' | 'lose'; readonly which: number };
type Step =
  | EndStep
  | { readonly kind: 'start'; readonly holdMinor: number | null; readonly isKilled: boolean }
  | { readonly kind: 'top_up' | 'withdrawal'; readonly amountMinor: number };

const which = fc.nat(20);
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('start' as const),
      holdMinor: fc.option(fc.integer({ min: 1, max: 200 })),
      isKilled: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('end' as const), which, totalMinor: fc.nat(250), isKilled: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('fail' as const, 'void' as const, 'lose' as const), which }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('top_up' as const, 'withdrawal' as const),
      amountMinor: fc.integer({ min: 1, max: 400 }),
    }),
  },
);

class Killed extends Error {}
const kill = (isKilled: boolean) => (): Promise<void> => (isKilled ? Promise.reject(new Killed()) : Promise.resolve());

/** What the account must be, told by a few lines of arithmetic. */
class Model {
  funded = 0;
  posted = 0;
  readonly running: { orderId: string; heldMinor: number }[] = [];
  lostMinor = 0;

  get pending(): number {
    return this.running.reduce((sum, one) => sum + one.heldMinor, this.lostMinor);
  }
  get available(): number {
    return this.funded - this.posted - this.pending;
  }
}

/** @returns whether it was refused for want of credit; a kill is no refusal */
async function isRefused(work: Promise<unknown>): Promise<boolean | 'killed'> {
  try {
    await work;
    return false;
  } catch (error) {
    if (error instanceof Killed) return 'killed';
    if (error instanceof PilegateError && error.code === 'credit.exhausted') return true;
    throw error;
  }
}

async function take(model: Model, step: Step): Promise<void> {
  if (step.kind === 'start') {
    const heldMinor = step.holdMinor ?? HOLD_MINOR;
    let orderId = '';
    const started = books.start(step.holdMinor, kill(step.isKilled)).then((id) => {
      orderId = id;
    });
    const refused = await isRefused(started);
    expect(refused).toBe(model.available < heldMinor ? true : step.isKilled ? 'killed' : false);
    if (refused === false) model.running.push({ orderId, heldMinor });
    return;
  }
  if ('amountMinor' in step) {
    const isOut = step.kind === 'withdrawal';
    const refused = await isRefused(books.move(step.kind, step.amountMinor));
    expect(refused).toBe(isOut && model.available < step.amountMinor);
    if (refused === false) model.funded += isOut ? -step.amountMinor : step.amountMinor;
    return;
  }
  await takeEnd(model, step);
}

async function takeEnd(model: Model, step: EndStep): Promise<void> {
  const [order] = model.running.splice(step.which % Math.max(1, model.running.length), 1);
  if (order === undefined) return;
  const { orderId, heldMinor } = order;
  if (step.kind === 'end') {
    const end = { orderId, state: 'completed' as const, totalMinor: step.totalMinor };
    if ((await isRefused(books.end([end], kill(step.isKilled)))) === 'killed') model.running.push(order);
    else model.posted += step.totalMinor;
  } else if (step.kind === 'lose') {
    await books.end([{ orderId, state: 'abnormal' }]);
    model.lostMinor += heldMinor;
  } else
    await books.end([
      { orderId, state: step.kind === 'void' ? 'void' : 'start_failed', failureCode: 'operation.timed_out' },
    ]);
}

test('OP-28 whatever begins, ends, fails, is paid or killed in whatever order: available is funded less posted less pending, and no start takes it below zero', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 25 }), async (steps) => {
      await books.db.deleteFrom('credit_transfers').execute();
      await books.db.deleteFrom('credit_accounts').execute();
      await books.setDeposit(HOLD_MINOR);
      const model = new Model();
      for (const step of steps) {
        await take(model, step);
        const account = await books.account();
        expect([account.funded_minor, account.posted_minor, account.pending_minor]).toEqual([
          model.funded,
          model.posted,
          model.pending,
        ]);
        expect(availableOf(account)).toBe(model.available);
      }
      expect(await sumComplaints(books.db)).toEqual([]);
    }),
    { numRuns: 30 },
  );
}, 60_000);

test('OP-28 what a savepoint undoes moves nothing, and several ends of one transaction move together', async () => {
  await books.setDeposit(HOLD_MINOR);
  const before = await books.account();
  await transaction(books.db, async (trx) => {
    const one = books.inside(trx);
    moveAtEnd(one, before.account_id, { pendingMinor: 3 });
    await savepoint(trx, () => {
      moveAtEnd(one, before.account_id, { pendingMinor: 100 });
      return Promise.reject(new Killed());
    }).catch(() => undefined);
    moveAtEnd(one, before.account_id, { pendingMinor: 4 });
  });
  expect((await books.account()).pending_minor).toBe(before.pending_minor + 7);
  const [complaint] = await sumComplaints(books.db);
  expect(complaint?.detail).toContain(`held ${before.pending_minor + 7}`);
  await transaction(books.db, (trx) => {
    moveAtEnd(books.inside(trx), before.account_id, { pendingMinor: -7 });
    return Promise.resolve();
  });
  expect(await sumComplaints(books.db)).toEqual([]);
});
