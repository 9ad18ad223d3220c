import { faultCatalogue } from '#shared/faults.ts';
import type { Hello, HoldReason, Life } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import { raiseSiteAlarm } from '../alarms/raise-alarm.ts';
import type { Trx } from '../db/transaction.ts';
import type { IngestContext, KnownSite } from '../ingest/incoming.ts';
import { inShard } from '../ingest/shards/fence.ts';
import { storable } from '../ingest/storable.ts';
import { type Holder, type Judgement, judgeLife, type KnownLives, ON_ITS_WAY_MS } from './judge-life.ts';

/** Of the lives of a site that are over, so many are kept for whoever looks into what has happened. */
const LIVES_KEPT = 50;

type LivedHello = Hello & { readonly life: Life };
type LifeContext = Pick<IngestContext, 'random' | 'logger'>;

/**
 * Decides whether a hello is welcome, and remembers who speaks for the site, in the transaction that changes the site's link: two
 * processes that hear hellos of one site cannot welcome both.
 *
 * @param isAhead the site was told that more of its store is safe than is here
 */
export async function judgeHello(
  context: LifeContext & { readonly trx: Trx },
  siteId: string,
  hello: Hello,
  nowMs: number,
  isAhead: boolean,
): Promise<Judgement> {
  const { trx, logger } = context;
  const { life, storeEpoch } = hello;
  await lockSite(trx, siteId);
  if (life === undefined) {
    await forgetHolder(trx, siteId);
    return { kind: 'welcome', change: 'same' };
  }
  const lived = { ...hello, life };
  const known = { ...(await knownLives(trx, siteId, lived)), isAhead };
  const found = judgeLife({ ...life, storeEpoch }, known, nowMs);
  await putLife(trx, siteId, lived, found, nowMs);
  if (found.kind === 'welcome') await takePlace(trx, siteId, life.lifeId, known.holder, nowMs);
  await alarmOf(context, trx, siteId, { hello: lived, known, found, nowMs });
  const fields = { siteId, lifeId: life.lifeId, controllerId: life.controllerId, ...found };
  if (found.kind === 'hold') logger.warn(fields, 'site is not welcomed');
  else if (found.change !== 'same') logger.info(fields, 'another life of the site is welcomed');
  return found;
}

/** Answers a hello that is not welcome. */
export async function sayHold(
  context: Pick<IngestContext, 'down'>,
  site: KnownSite,
  { life, storeEpoch }: Pick<Hello, 'life' | 'storeEpoch'>,
  reason: HoldReason,
): Promise<void> {
  if (life === undefined) return;
  await context.down.hold(site, { v: WIRE_VERSION, lifeId: life.lifeId, storeEpoch, reason });
}

/**
 * Whether records or a live view come from the box that speaks for the site. One whose place was taken while it could not be heard
 * is told so, and that there are two is known from here on.
 *
 * @param heardAtMs when they came in: live views and records are handled side by side, so what was said before may come after
 */
export async function isHolder(
  context: IngestContext,
  site: KnownSite,
  lifeId: string,
  heardAtMs: number,
): Promise<boolean> {
  const { siteId } = site;
  const link = await context.db
    .selectFrom('site_links')
    .select(['life_id', 'hello_at_ms'])
    .where('site_id', '=', siteId)
    .executeTakeFirst();
  if (link?.life_id == null || link.life_id === lifeId) return true;
  if (link.hello_at_ms !== null && heardAtMs - link.hello_at_ms <= ON_ITS_WAY_MS) return false;
  const nowMs = context.clock.wallMs();
  const { value: stranger } = await inShard(context, site.shard, async (trx) => {
    await lockSite(trx, siteId);
    const row = await trx
      .selectFrom('site_lives')
      .select(['store_epoch', 'status'])
      .where('site_id', '=', siteId)
      .where('life_id', '=', lifeId)
      .executeTakeFirst();
    // One that waits, or is barred already, has been told; one that was never heard says hello first.
    if (row?.status !== 'former') return null;
    const isKnown = await isContested(trx, siteId);
    await trx
      .updateTable('site_lives')
      .set({ status: 'barred', last_heard_at_ms: nowMs })
      .where('site_id', '=', siteId)
      .where('life_id', '=', lifeId)
      .execute();
    if (!isKnown) await raiseCloned(context, trx, siteId, lifeId, nowMs);
    return row;
  });
  if (stranger !== null)
    await context.down.hold(site, { v: WIRE_VERSION, lifeId, storeEpoch: stranger.store_epoch, reason: 'barred' });
  return false;
}

/** A hello of older software: whoever held the place, nobody can tell any more whether it is he. */
async function forgetHolder(trx: Trx, siteId: string): Promise<void> {
  await trx
    .updateTable('site_lives')
    .set({ status: 'former' })
    .where('site_id', '=', siteId)
    .where('status', '=', 'holder')
    .execute();
  await trx
    .updateTable('site_links')
    .set({ life_id: null, is_life_confirmed: false })
    .where('site_id', '=', siteId)
    .execute();
}

/** One decision about a site's lives at a time. */
export async function lockSite(trx: Trx, siteId: string): Promise<void> {
  await trx.selectFrom('sites').select('site_id').where('site_id', '=', siteId).forNoKeyUpdate().execute();
}

/** Two boxes were found to speak for the site, and nobody has decided yet. */
export const isContested = async (trx: Trx, siteId: string): Promise<boolean> =>
  (await trx
    .selectFrom('site_lives')
    .select('life_id')
    .where('site_id', '=', siteId)
    .where('status', '=', 'barred')
    .executeTakeFirst()) !== undefined;

async function knownLives(
  trx: Trx,
  siteId: string,
  { life, storeEpoch }: LivedHello,
): Promise<Omit<KnownLives, 'isAhead'>> {
  const own = await trx
    .selectFrom('site_lives')
    .select(['status', 'store_epoch as storeEpoch', 'first_heard_at_ms as firstHeardAtMs'])
    .where('site_id', '=', siteId)
    .where('life_id', '=', life.lifeId)
    .executeTakeFirst();
  const last = await trx
    .selectFrom('site_lives')
    .select(['life_id as lifeId', 'former_life_id as formerLifeId', 'is_confirmed as isConfirmed'])
    .where('site_id', '=', siteId)
    .where('store_epoch', '=', storeEpoch)
    .where('welcomed_at_ms', 'is not', null)
    .orderBy('welcomed_at_ms', 'desc')
    .executeTakeFirst();
  const holder = await holderOf(trx, siteId);
  return {
    holder,
    own: own ?? null,
    lastOfEpoch: last?.lifeId === holder?.lifeId ? holder : (last ?? null),
    isContested: await isContested(trx, siteId),
  };
}

async function holderOf(trx: Trx, siteId: string): Promise<Holder | null> {
  const row = await trx
    .selectFrom('site_lives as life')
    .innerJoin('site_links as link', (join) =>
      join.onRef('link.site_id', '=', 'life.site_id').onRef('link.life_id', '=', 'life.life_id'),
    )
    .select([
      'life.life_id as lifeId',
      'life.former_life_id as formerLifeId',
      'life.store_epoch as storeEpoch',
      'link.is_life_confirmed as isConfirmed',
      'link.online as isOnline',
      'link.heard_at_ms',
      'life.last_heard_at_ms',
    ])
    .where('life.site_id', '=', siteId)
    .where('life.status', '=', 'holder')
    .executeTakeFirst();
  if (row === undefined) return null;
  const { heard_at_ms: heardAtMs, last_heard_at_ms: lastHeardAtMs, ...holder } = row;
  return { ...holder, heardAtMs: heardAtMs ?? lastHeardAtMs };
}

async function putLife(
  trx: Trx,
  siteId: string,
  { life, storeEpoch, software }: LivedHello,
  found: Judgement,
  nowMs: number,
): Promise<void> {
  const told = {
    former_life_id: life.formerLifeId,
    store_epoch: storeEpoch,
    controller_id: life.controllerId === null ? null : storable(life.controllerId, 64),
    software: storable(software, 64),
    last_heard_at_ms: nowMs,
  };
  const isBarred = found.kind === 'hold' && found.reason === 'barred';
  await trx
    .insertInto('site_lives')
    .values({
      site_id: siteId,
      life_id: life.lifeId,
      ...told,
      status: isBarred ? 'barred' : 'waiting',
      is_confirmed: false,
      first_heard_at_ms: nowMs,
    })
    .onConflict((conflict) =>
      conflict.columns(['site_id', 'life_id']).doUpdateSet({ ...told, ...(isBarred ? { status: 'barred' } : {}) }),
    )
    .execute();
}

/** Whoever held the place before is a former one, and nobody forgets how far its store had come. */
async function takePlace(
  trx: Trx,
  siteId: string,
  lifeId: string,
  before: Holder | null,
  nowMs: number,
): Promise<void> {
  if (before?.lifeId !== lifeId) {
    await trx
      .updateTable('site_lives')
      .set({ status: 'former', is_confirmed: before?.isConfirmed ?? false })
      .where('site_id', '=', siteId)
      .where('status', '=', 'holder')
      .execute();
    await trx
      .updateTable('site_lives')
      .set({ status: 'holder', welcomed_at_ms: nowMs })
      .where('site_id', '=', siteId)
      .where('life_id', '=', lifeId)
      .execute();
    await forgetOldLives(trx, siteId);
  }
}

async function forgetOldLives(trx: Trx, siteId: string): Promise<void> {
  const kept = trx
    .selectFrom('site_lives')
    .select('life_id')
    .where('site_id', '=', siteId)
    .orderBy('last_heard_at_ms', 'desc')
    .limit(LIVES_KEPT);
  await trx
    .deleteFrom('site_lives')
    .where('site_id', '=', siteId)
    .where('status', 'in', ['former', 'waiting'])
    .where('life_id', 'not in', kept)
    .execute();
}

interface Found {
  readonly hello: LivedHello;
  readonly known: KnownLives;
  readonly found: Judgement;
  readonly nowMs: number;
}

async function alarmOf(context: LifeContext, trx: Trx, siteId: string, { hello, known, found, nowMs }: Found) {
  const { life, storeEpoch } = hello;
  if (found.kind === 'hold') {
    if (found.isProof) await raiseCloned(context, trx, siteId, life.lifeId, nowMs);
    return;
  }
  // A box that was told to begin another epoch says itself why it has one.
  const isTold = known.own !== null && known.own.storeEpoch !== storeEpoch;
  if ((found.change !== 'replaces' && found.change !== 'returns') || isTold) return;
  const what = found.change === 'returns' ? 'an earlier store has come back' : 'the site has a new store';
  const box = life.controllerId === null ? '' : `, on controller ${life.controllerId}`;
  const detail = `${what}: epoch ${storeEpoch} after ${known.holder?.storeEpoch}${box}`;
  await raiseSiteAlarm(context, trx, { siteId, code: 'store-replaced', detail, nowMs });
}

async function raiseCloned(context: LifeContext, trx: Trx, siteId: string, lifeId: string, nowMs: number) {
  const detail = `${faultCatalogue['controller-cloned'].en} Life ${lifeId} is not heard until a person has chosen.`;
  await raiseSiteAlarm(context, trx, { siteId, code: 'controller-cloned', detail, nowMs });
}
