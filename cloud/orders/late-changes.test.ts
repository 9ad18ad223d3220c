import { expect, test } from 'vitest';
import { transaction } from '../db/transaction.ts';
import { handleBatch } from '../ingest/batch.ts';
import { failOverdueStarts } from '../operations/sweeper.ts';
import { beforeTransaction } from '../testing/before-transaction.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { started } from '../testing/records.ts';
import { silentDown } from '../testing/silent-down.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { updateOrder } from './store.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;
onChargingSites('ll', clock, (onCloud, onSite) => {
  cloud = onCloud;
  site = onSite;
});

const list = async (cursor: string | null) =>
  (await site.stage.partner.call('GET', `/v1/orders${cursor === null ? '' : `?cursor=${cursor}`}`)).body;

/** Asks until so many are listed: the list waits for whoever may still be writing. */
async function listed(count: number, cursor: string | null) {
  let page: Awaited<ReturnType<typeof list>>;
  const length = async () => {
    page = await list(cursor);
    return page.orders.length;
  };
  await expect.poll(length).toBe(count);
  return page;
}

test('OP-21 what a sweeper changes late in its round is not passed over by who follows the list', async () => {
  const { db } = cloud.context;
  const first = (await site.start('r-1')).body.order_id;
  await site.plugIn(site.connectorId(1));
  const second = (await site.start('r-2', site.connectorId(1))).body.order_id;
  clock.advance(120_000);
  await db
    .updateTable('commands')
    .set({ cancelled_at_ms: clock.wallMs() - 60_000, sent_count: 1000, next_send_at_ms: null })
    .where('order_id', 'in', [first, second])
    .execute();
  let page = await listed(2, null);
  const slow = beforeTransaction(db, 2, async () => {
    // The first one had to wait for its lock; meanwhile something else has changed, and the partner reads on.
    clock.advance(1_500);
    const [other] = await db.selectFrom('orders').select('order_id').where('state', '=', 'start_failed').execute();
    await transaction(db, (trx) => updateOrder(trx, other?.order_id ?? '', {}, clock.wallMs()));
    clock.advance(2_000);
    page = await listed(1, page.next_cursor);
  });
  await failOverdueStarts({ ...cloud.context, db: slow });
  clock.advance(5_000);
  const told = new Map<string, string>();
  for (const one of (await listed(2, null)).orders) told.set(one.order_id, one.state);
  expect([...told.values()]).toEqual(['start_failed', 'start_failed']);
  const rest = (await listed(1, page.next_cursor)).orders;
  expect(rest.map((one: { state: string }) => one.state)).toEqual(['start_failed']);
});

test('OP-21 what a batch changes at its second try is not passed over by who follows the list', async () => {
  const { db } = cloud.context;
  const first = (await site.start('r-1')).body.order_id;
  const command = await site.takeStart();
  await site.plugIn(site.connectorId(1));
  const other = (await site.start('r-2', site.connectorId(1))).body.order_id;
  clock.advance(5_000);
  let page = await listed(2, null);
  const { edge, stage } = site;
  const envelope = (body: object) => ({ seq: edge.nextSeq(), at: edge.stamp(), body: { kind: 'unknown', ...body } });
  const batch = {
    v: 1 as const,
    siteId: stage.siteId,
    storeEpoch: edge.storeEpoch,
    stream: 'events' as const,
    // The second cannot be applied, so the whole is undone and done again record by record.
    records: [envelope(started(edge, command)), envelope({ kind: 'nonsense' })],
  };
  const slow = beforeTransaction(db, 2, async () => {
    // The first try of a long batch has taken so long.
    clock.advance(1_500);
    await transaction(db, (trx) => updateOrder(trx, other, {}, clock.wallMs()));
    clock.advance(2_000);
    page = await listed(1, page.next_cursor);
  });
  const known = { siteId: stage.siteId, shard: stage.shard, environment: 'sandbox' as const };
  await handleBatch({ ...cloud.context, db: slow, down: silentDown() }, known, batch);
  clock.advance(5_000);
  expect((await site.order(first)).state).toBe('charging');
  const rest = (await listed(1, page.next_cursor)).orders;
  expect(rest.map((one: { order_id: string }) => one.order_id)).toEqual([first]);
});
