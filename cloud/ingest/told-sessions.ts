import { z } from 'zod';
import type { Hello } from '#shared/wire/messages.ts';
import type { OutcomeContext } from '../operations/finish.ts';
import { endLostOrder, type LastSeen, lastSeenOf, lastSeenSchema } from '../orders/session-lost.ts';
import { isContested } from '../presence/lives.ts';
import type { KnownSite } from './incoming.ts';
import { sessionsOfLetters } from './retry-record.ts';

export interface SessionsContext extends OutcomeContext {
  readonly site: Pick<KnownSite, 'siteId'>;
}

/**
 * A hello that is welcome says what the site runs. What the cloud takes for running and the site does not name is lost, or over: which
 * of the two is known when the cloud has every event that the store had by then. Until then the list waits, and the next hello takes
 * its place.
 *
 * @param ackedSeq how far the cloud has the events of the hello's store. Further than the store itself was: the store is an older copy,
 *   or the hello is an old one, and says nothing of the present
 * @returns whether it has ended an order
 */
export async function hearSessions(context: SessionsContext, hello: Hello, ackedSeq: number): Promise<boolean> {
  const { trx, site } = context;
  const headSeq = hello.streams.find(({ stream }) => stream === 'events')?.headSeq;
  if (headSeq === undefined || headSeq < ackedSeq) return false;
  const sessionIds = hello.runningSessions.map(({ sessionId }) => sessionId.toLowerCase());
  const orders = await chargingAt(context).execute();
  const unnamed = orders.filter(({ session_id: id }) => id !== null && !sessionIds.includes(id));
  const former = await toldBy(context);
  if (unnamed.length === 0 && headSeq === ackedSeq) {
    if (former !== null) await forgetTold(context);
    return false;
  }
  const progress = { ...former?.progress, ...(await lastSeenOf(trx, unnamed)) };
  const told = {
    store_epoch: hello.storeEpoch,
    head_seq: headSeq,
    session_ids: JSON.stringify(sessionIds),
    progress: JSON.stringify(progress),
  };
  await trx
    .insertInto('told_sessions')
    .values({ site_id: site.siteId, ...told })
    .onConflict((conflict) => conflict.column('site_id').doUpdateSet(told))
    .execute();
  return headSeq === ackedSeq && (await judgeSessions(context));
}

/**
 * The cloud has every event that the store had when the site said what it runs: the orders of all other sessions end. Those of sessions
 * that began later are left alone, and so are those whose end waits for a person among the refused records. While two boxes speak for
 * the site, none of them is believed.
 *
 * @returns whether it has ended an order
 */
export async function judgeSessions(context: SessionsContext): Promise<boolean> {
  const { trx, site } = context;
  const told = await toldBy(context);
  if (told === null || (await isContested(trx, site.siteId))) return false;
  await forgetTold(context);
  const orders = await chargingAt(context).orderBy('order_id').forUpdate().execute();
  if (orders.length === 0) return false;
  const known = new Set([
    ...told.sessionIds,
    ...(await begunSince(context, told)),
    ...(await sessionsOfLetters(trx, site.siteId)),
  ]);
  const lost = orders.filter(({ session_id: id }) => id !== null && !known.has(id));
  for (const order of lost)
    await endLostOrder(context, order, { cause: 'forgotten', seen: told.progress[order.session_id ?? ''] ?? null });
  return lost.length > 0;
}

interface ToldSessions {
  readonly storeEpoch: string;
  readonly headSeq: number;
  readonly sessionIds: readonly string[];
  readonly progress: Readonly<Record<string, LastSeen>>;
}

async function toldBy({ trx, site }: SessionsContext): Promise<ToldSessions | null> {
  const row = await trx.selectFrom('told_sessions').selectAll().where('site_id', '=', site.siteId).executeTakeFirst();
  if (row === undefined) return null;
  return {
    storeEpoch: row.store_epoch,
    headSeq: row.head_seq,
    sessionIds: z.array(z.string()).parse(JSON.parse(row.session_ids)),
    progress: z.record(z.string(), lastSeenSchema).parse(JSON.parse(row.progress)),
  };
}

const forgetTold = ({ trx, site }: SessionsContext) =>
  trx.deleteFrom('told_sessions').where('site_id', '=', site.siteId).execute();

const chargingAt = ({ trx, site }: SessionsContext) =>
  trx.selectFrom('orders').selectAll().where('site_id', '=', site.siteId).where('state', '=', 'charging');

const begunSchema = z.object({ sessionId: z.string() });

async function begunSince({ trx, site }: SessionsContext, { storeEpoch, headSeq }: ToldSessions): Promise<string[]> {
  const rows = await trx
    .selectFrom('site_records')
    .select('body')
    .where((where) => where.and({ site_id: site.siteId, store_epoch: storeEpoch, stream: 'events' }))
    .where('seq', '>', headSeq)
    .where('kind', '=', 'session.started')
    .execute();
  return rows.flatMap(({ body }) => begunSchema.safeParse(JSON.parse(body)).data?.sessionId.toLowerCase() ?? []);
}
