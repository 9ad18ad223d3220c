import { type BootClock, restamp } from '#shared/stamp.ts';
import { cdrSchema } from '#shared/wire/cdr.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import type { RecordContext } from '../ingest/records.ts';
import { correctSampleTimes } from '../samples/apply-samples.ts';
import { reviewClock } from './clock-review.ts';
import { lockOrder, updateOrder } from './store.ts';
import { rememberTimes } from './told-time.ts';

/**
 * A site has learned what the time of one of its boots truly was. Orders and samples show the corrected times from then on. The
 * charge detail record and its bill stay as they are; where the band would have been another, a person has to look.
 */
export async function applyClockCorrected(
  context: RecordContext,
  { bootId, offsetMs, correctionMs, quality }: RecordOf<'clock.corrected'>,
): Promise<void> {
  const { trx, site, nowMs } = context;
  await trx
    .insertInto('clock_corrections')
    .values({
      site_id: site.siteId,
      boot_id: bootId,
      offset_ms: offsetMs,
      correction_ms: correctionMs,
      quality,
      received_at_ms: nowMs,
    })
    .execute();
  const clock: BootClock = { bootId, offsetMs, quality };
  const orderIds = await correctTimes(context, clock);
  await correctSampleTimes(trx, site.siteId, clock);
  for (const orderId of orderIds) await review(context, orderId, clock);
  context.logger.warn(
    { siteId: site.siteId, bootId, correctionMs, quality, orders: orderIds.length },
    'a site corrects its clock',
  );
}

/** @returns the orders whose times have changed */
async function correctTimes(context: RecordContext, clock: BootClock): Promise<string[]> {
  const { trx, site, nowMs } = context;
  const rows = await trx
    .selectFrom('unconfirmed_times')
    .selectAll()
    .where('site_id', '=', site.siteId)
    .where('boot_id', '=', clock.bootId)
    .orderBy('order_id')
    .execute();
  const orderIds = new Set<string>();
  for (const row of rows) {
    const told = { wallMs: 0, monoMs: row.mono_ms, bootId: row.boot_id, clock: row.clock };
    const stamp = restamp(told, clock);
    if (stamp === told) continue;
    const order = await lockOrder(trx, row.order_id);
    // A failed start ended when the platform said so, whatever its void record tells.
    if (row.moment === 'started' || order?.state !== 'start_failed') {
      const change = row.moment === 'started' ? { started_at_ms: stamp.wallMs } : { ended_at_ms: stamp.wallMs };
      await updateOrder(trx, row.order_id, change, nowMs);
      orderIds.add(row.order_id);
    }
    await rememberTimes(context, row.order_id, [{ ...stamp, moment: row.moment }]);
  }
  return [...orderIds];
}

async function review(context: RecordContext, orderId: string, clock: BootClock): Promise<void> {
  const row = await context.trx
    .selectFrom('cdrs')
    .select('document')
    .where('order_id', '=', orderId)
    .executeTakeFirst();
  if (row === undefined) return;
  await reviewClock(context, orderId, cdrSchema.parse(JSON.parse(row.document)), clock);
}
