import { type BootClock, isBetterClock, restamp, type Stamp } from '#shared/stamp.ts';
import type { RecordContext } from '../ingest/records.ts';

export type Moment = 'started' | 'ended';

/** When an order began or ended. */
export interface OrderTime extends Stamp {
  readonly moment: Moment;
}

/**
 * When an order began or ended, as far as its site knows by now. One that the site has not confirmed is to be remembered, so that a
 * correction finds it. A correction may have come before the record that it is about: they are made by two threads of the site.
 */
export async function toldTime(context: RecordContext, told: Stamp): Promise<Stamp> {
  if (told.clock === 'trusted') return told;
  const clock = await knownClock(context, told.bootId);
  return clock === null ? told : restamp(told, clock);
}

/** Remembers times that are not confirmed, and forgets those that are. */
export async function rememberTimes(
  context: Pick<RecordContext, 'trx' | 'site'>,
  orderId: string,
  times: readonly OrderTime[],
): Promise<void> {
  const moments = times.map(({ moment }) => moment);
  await context.trx
    .deleteFrom('unconfirmed_times')
    .where('order_id', '=', orderId)
    .where('moment', 'in', moments)
    .execute();
  await rememberNewTimes(context, orderId, times);
}

/** Of an order that has none so far. */
export async function rememberNewTimes(
  { trx, site }: Pick<RecordContext, 'trx' | 'site'>,
  orderId: string,
  times: readonly OrderTime[],
): Promise<void> {
  const rows = times.flatMap(({ moment, bootId, monoMs, clock }) =>
    clock === 'trusted'
      ? []
      : [{ order_id: orderId, moment, site_id: site.siteId, boot_id: bootId, mono_ms: monoMs, clock }],
  );
  if (rows.length > 0) await trx.insertInto('unconfirmed_times').values(rows).execute();
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
