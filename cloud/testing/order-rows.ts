import type { Db } from '../db/connect.ts';
import { systemRandom } from '../random.ts';
import { openTestDatabase } from './test-database.ts';

/** A database with partners `p` and `q` and one connector: enough for rows of orders. */
export async function openOrderDatabase(): Promise<Db> {
  const db = await openTestDatabase();
  await db
    .insertInto('partners')
    .values([
      { partner_id: 'p', name: 'P', created_at_ms: 0 },
      { partner_id: 'q', name: 'Q', created_at_ms: 0 },
    ])
    .execute();
  await db
    .insertInto('sites')
    .values({
      site_id: 's',
      name: 'S',
      environment: 'live',
      timezone: 'UTC',
      shard: 0,
      created_at_ms: 0,
      updated_at_ms: 0,
    })
    .execute();
  await db
    .insertInto('connectors')
    .values({ connector_id: 'c', site_id: 's', pile_id: 'p', model: 'm', max_power_w: 1 })
    .execute();
  return db;
}

/** A completed order that last changed at `atMs`. Returns its id. */
export async function insertOrder(db: Db, atMs: number, partnerId = 'p'): Promise<string> {
  const orderId = systemRandom.uuid();
  await db
    .insertInto('orders')
    .values({
      order_id: orderId,
      partner_id: partnerId,
      origin: 'remote',
      environment: 'live',
      state: 'completed',
      site_id: 's',
      pile_id: 'p',
      connector_id: 'c',
      created_at_ms: atMs,
      updated_at_ms: atMs,
    })
    .execute();
  return orderId;
}
