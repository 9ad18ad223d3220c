import { type BootClock, isBetterClock, restamp, type Stamp } from '#shared/stamp.ts';
import type { RecordContext } from '../ingest/records.ts';

export type Moment = 'started' | 'ended';

/**
 * The wall time at which an order began or ended, as far as its site knows by now. One that the site has not confirmed
 * is remembered, so that a correction finds it.
 */
export async function toldTimeMs(
  context: RecordContext,
  orderId: string,
  moment: Moment,
  told: Stamp,
): Promise<number> {
  const stamp = told.clock === 'trusted' ? told : await restamped(context, told);
  await rememberTime(context, orderId, moment, stamp);
  return stamp.wallMs;
}

/** Remembers a time that is not confirmed, and forgets one that is. */
export async function rememberTime(
  context: RecordContext,
  orderId: string,
  moment: Moment,
  { bootId, monoMs, clock }: Stamp,
): Promise<void> {
  const { trx, site } = context;
  await trx.deleteFrom('unconfirmed_times').where('order_id', '=', orderId).where('moment', '=', moment).execute();
  if (clock === 'trusted') return;
  const row = { order_id: orderId, moment, site_id: site.siteId, boot_id: bootId, mono_ms: monoMs, clock };
  await trx.insertInto('unconfirmed_times').values(row).execute();
}

/** A correction may have come before the record that it is about: they are made by two threads of the site. */
async function restamped(context: RecordContext, told: Stamp): Promise<Stamp> {
  const clock = await knownClock(context, told.bootId);
  return clock === null ? told : restamp(told, clock);
}

/** What the site's corrections so far tell of the clock of one of its boots, the best of them; null when there is none. */
export async function knownClock(
  { trx, site }: Pick<RecordContext, 'trx' | 'site'>,
  bootId: string,
): Promise<BootClock | null> {
  const rows = await trx
    .selectFrom('clock_corrections')
    .select(['offset_ms', 'quality'])
    .where('site_id', '=', site.siteId)
    .where('boot_id', '=', bootId)
    .orderBy('clock_correction_id', 'desc')
    .execute();
  const clocks = rows.map((row): BootClock => ({ bootId, offsetMs: row.offset_ms, quality: row.quality }));
  return clocks.reduce<BootClock | null>(
    (found, clock) => (found === null || isBetterClock(clock.quality, found.quality) ? clock : found),
    null,
  );
}
