import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Db } from '../db/connect.ts';
import { settledBeforeMs } from '../db/settled.ts';
import { transaction } from '../db/transaction.ts';
import type { Caller } from '../partners/caller.ts';
import { insertOrder, openOrderDatabase } from '../testing/order-rows.ts';
import { listOrders } from './list.ts';
import { lockOrder, updateOrder } from './store.ts';

let db: Db;
const caller: Caller = { partnerId: 'p', keyId: 'k', familyId: 'k', environment: 'live', scopes: ['orders'] };

beforeAll(async () => {
  db = await openOrderDatabase();
});
afterAll(() => db.destroy());

const everything = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, after: null, limit: 3 };

test('OP-21 pages by change time miss nothing and repeat nothing while orders arrive and change', async () => {
  const expected = new Set<string>();
  // Many share a millisecond, and a page ends between them.
  for (let n = 0; n < 20; n += 1) expected.add(await insertOrder(db, 1_000 + Math.floor(n / 5)));
  await insertOrder(db, 1_001, 'q');
  const seen: string[] = [];
  let after: { atMs: number; id: string } | null = null;
  let nowMs = 10_000;
  for (let page = 0; page < 20; page += 1) {
    const { rows, next } = await listOrders(db, caller, { ...everything, after }, nowMs);
    seen.push(...rows.map((row) => row.order_id));
    after = next;
    if (page < 5) expected.add(await insertOrder(db, nowMs));
    nowMs += 500;
  }
  expect(seen.length).toBe(expected.size);
  expect(new Set(seen)).toEqual(expected);
});

test('OP-21 what was changed a moment ago waits until nothing older can still appear', async () => {
  const orderId = await insertOrder(db, 50_000);
  const range = { ...everything, fromMs: 50_000 };
  expect((await listOrders(db, caller, range, 50_900)).rows).toEqual([]);
  expect((await listOrders(db, caller, range, 51_001)).rows.map((row) => row.order_id)).toEqual([orderId]);
  expect(await settledBeforeMs(db, 51_001)).toBe(50_001);
});

test('OP-21 the range begins inclusive and ends exclusive', async () => {
  const [first, second] = [await insertOrder(db, 70_000), await insertOrder(db, 70_010)];
  const ids = async (fromMs: number, toMs: number) =>
    (await listOrders(db, caller, { ...everything, fromMs, toMs }, 90_000)).rows.map((row) => row.order_id);
  expect(await ids(70_000, 70_010)).toEqual([first]);
  expect(await ids(70_001, 70_011)).toEqual([second]);
});

test('OP-21 every change moves the change time forward, even when the clock does not', async () => {
  const orderId = await insertOrder(db, 80_000);
  await transaction(db, async (trx) => {
    await lockOrder(trx, orderId);
    expect((await updateOrder(trx, orderId, { energy_wh: 1 }, 80_000)).updated_at_ms).toBe(80_001);
    expect((await updateOrder(trx, orderId, { energy_wh: 2 }, 79_000)).updated_at_ms).toBe(80_002);
    expect((await updateOrder(trx, orderId, { energy_wh: 3 }, 81_000)).updated_at_ms).toBe(81_000);
  });
});
