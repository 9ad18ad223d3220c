import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Db } from '../db/connect.ts';
import { transaction } from '../db/transaction.ts';
import type { Caller } from '../partners/caller.ts';
import { insertOrder, openOrderDatabase } from '../testing/order-rows.ts';
import { listOrders } from './list.ts';
import { updateOrder } from './store.ts';

let db: Db;
const caller: Caller = { partnerId: 'p', keyId: 'k', familyId: 'k', environment: 'live', scopes: ['orders'] };

beforeAll(async () => {
  db = await openOrderDatabase();
});
afterAll(() => db.destroy());

const everything = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, after: null, limit: 3 };

/** Only where there is more than one connection can one transaction be open while another commits. */
test('OP-21 a transaction that commits late is not passed over', async () => {
  const late = await insertOrder(db, 0);
  let commit: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    commit = resolve;
  });
  let written: () => void = () => {};
  const isWritten = new Promise<void>((resolve) => {
    written = resolve;
  });
  const changing = transaction(db, async (trx) => {
    await updateOrder(trx, late, { energy_wh: 1 }, 100_000);
    written();
    await held;
  });
  await isWritten;
  const early = await insertOrder(db, 100_100);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const range = { ...everything, fromMs: 99_000 };
  const ids = async (nowMs: number) => (await listOrders(db, caller, range, nowMs)).rows.map((row) => row.order_id);
  // 101,150 is more than a second later, but the transaction has been open for at least 300 ms of it.
  expect(await ids(101_150)).toEqual([]);
  commit();
  await changing;
  expect(await ids(101_150)).toEqual([late, early]);
});
