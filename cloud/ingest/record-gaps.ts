import type { Hello, Welcome } from '#shared/wire/messages.ts';
import { raiseSiteAlarm } from '../alarms/raise-alarm.ts';
import type { OutcomeContext } from '../operations/finish.ts';
import type { KnownSite } from './incoming.ts';

export interface GapContext extends OutcomeContext {
  readonly site: Pick<KnownSite, 'siteId'>;
}

interface FoundGap {
  readonly stream: string;
  readonly storeEpoch: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/**
 * What is lost of the streams of a store: a site forgets what it was told to be safe. Where it was told of more than is here, this
 * database was put back from a backup, or another one has taken its place.
 *
 * @param cursorOf how far a stream is here
 */
export const gapsOf = (
  storeEpoch: string,
  told: readonly { readonly stream: string; readonly headSeq: number; readonly ackedSeq: number }[],
  cursorOf: (stream: string, storeEpoch: string) => number,
): FoundGap[] =>
  told
    .filter(({ stream, headSeq, ackedSeq }) => ackedSeq <= headSeq && ackedSeq > cursorOf(stream, storeEpoch))
    .map(({ stream, ackedSeq }) => ({
      stream,
      storeEpoch,
      firstSeq: cursorOf(stream, storeEpoch) + 1,
      lastSeq: ackedSeq,
    }));

/** Goes on behind a gap, and shows it to a person. */
export async function passGap(context: GapContext, { stream, storeEpoch, firstSeq, lastSeq }: FoundGap): Promise<void> {
  const { trx, site, random, nowMs } = context;
  const name = { site_id: site.siteId, store_epoch: storeEpoch, stream };
  await trx
    .insertInto('cursors')
    .values({ ...name, acked_seq: lastSeq })
    .onConflict((conflict) =>
      conflict.columns(['site_id', 'store_epoch', 'stream']).doUpdateSet({ acked_seq: lastSeq }),
    )
    .execute();
  const gap = { gap_id: random.uuid(), first_seq: firstSeq, last_seq: lastSeq, found_at_ms: nowMs };
  await trx
    .insertInto('record_gaps')
    .values({ ...name, ...gap })
    .execute();
  // What it ran before the gap says nothing of the present.
  await trx.deleteFrom('told_sessions').where('site_id', '=', site.siteId).execute();
  const detail = `Records ${firstSeq} to ${lastSeq} of ${stream} (epoch ${storeEpoch}) had been acknowledged, and are not here.`;
  await raiseSiteAlarm(context, trx, { siteId: site.siteId, code: 'records-missing', detail, nowMs });
}

/** The last gap among the events of a store of which the site has not told again what it still has; null when there is none. */
export async function gapToTell(
  { trx, site }: Pick<GapContext, 'trx' | 'site'>,
  { storeEpoch, toldAgain }: Pick<Hello, 'storeEpoch' | 'toldAgain'>,
): Promise<NonNullable<Welcome['tellAgain']> | null> {
  // Older software tells nothing again.
  if (toldAgain === undefined) return null;
  const gap = await trx
    .selectFrom('record_gaps')
    .select(['gap_id as gapId', 'first_seq as firstSeq', 'last_seq as lastSeq'])
    .where((where) => where.and({ site_id: site.siteId, store_epoch: storeEpoch, stream: 'events' }))
    .orderBy('found_at_ms', 'desc')
    .orderBy('last_seq', 'desc')
    .executeTakeFirst();
  return gap === undefined || gap.gapId === toldAgain?.toLowerCase() ? null : gap;
}
