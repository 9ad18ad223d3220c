import { sql } from 'kysely';
import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { sessionsOfLetters } from '../ingest/retry-record.ts';
import type { OutcomeContext } from '../operations/finish.ts';
import { takeEach } from '../runtime/take-each.ts';
import { DEFAULT_CLAIM_MS } from '../sites/claims.ts';
import { linkIsFresh } from '../stations/freshness.ts';
import { endLostOrder, lastSeenOf } from './session-lost.ts';

/** A site whose credentials are revoked may have others by then: for so long a claim code is good that nobody says more of. */
export const GONE_AFTER_MS = DEFAULT_CLAIM_MS;

type GoneContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger' | 'metrics' | 'wake'>;

/**
 * Ends the charges of sites that were revoked and have not come back: nothing that they say is taken, and no claim code is left that could
 * change that. Revoking alone ends none, because a box that gets new credentials goes on with what it runs, and bills it. Charges whose
 * end stands among the refused records are left to whoever tries those again.
 *
 * @throws why those of one site could not be ended, after the others
 */
export async function endChargesOfRevokedSites(context: GoneContext): Promise<void> {
  const gone = await goneSites(context.db, context.clock.wallMs()).execute();
  await takeEach(gone, async ({ site_id: siteId }) => {
    const ended = await transaction(context.db, async (trx) => {
      // Whoever makes or redeems a claim comes before or after, and is looked for behind the lock.
      await trx.selectFrom('sites').select('site_id').where('site_id', '=', siteId).forNoKeyUpdate().execute();
      const nowMs = context.clock.wallMs();
      const site = await goneSites(trx, nowMs).where('site_id', '=', siteId).executeTakeFirst();
      if (site === undefined) return [];
      return endCharges({ ...context, trx, nowMs }, siteId, await sessionsOfLetters(trx, siteId));
    });
    if (ended.length === 0) return;
    context.wake.deliveries();
    context.logger.warn({ siteId, orderIds: ended }, 'charges at a site that is gone are ended');
  });
}

/**
 * Staff know that a site is gone, and end all charges there.
 *
 * @returns the orders that it has ended
 * @throws PilegateError `station.unknown`, or `site.online` when it tells by itself what becomes of them
 */
export async function endChargesByStaff(context: GoneContext, siteId: string): Promise<string[]> {
  const ended = await transaction(context.db, async (trx) => {
    const nowMs = context.clock.wallMs();
    const site = await trx
      .selectFrom('sites')
      .leftJoin('site_links as link', 'link.site_id', 'sites.site_id')
      .select(['link.online', 'link.heard_at_ms as heardAtMs'])
      .where('sites.site_id', '=', siteId)
      .executeTakeFirst();
    if (site === undefined) throw new PilegateError('station.unknown', `no site ${siteId}`);
    if (linkIsFresh({ online: site.online === true, heardAtMs: site.heardAtMs }, nowMs))
      throw new PilegateError('site.online', `${siteId} is on the line: stop its charges instead`);
    return endCharges({ ...context, trx, nowMs }, siteId, []);
  });
  context.wake.deliveries();
  return ended;
}

const goneSites = (db: Pick<Trx, 'selectFrom'>, nowMs: number) =>
  db
    .selectFrom('sites')
    .select('site_id')
    .where('revoked_at_ms', '<=', nowMs - GONE_AFTER_MS)
    .where((where) =>
      where.exists(
        where
          .selectFrom('orders')
          .select('order_id')
          .where('orders.site_id', '=', sql.ref<string>('sites.site_id'))
          .where('orders.state', '=', 'charging'),
      ),
    )
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('site_claims')
            .select('code_sha256')
            .where('site_claims.site_id', '=', sql.ref<string>('sites.site_id'))
            .where('redeemed_at_ms', 'is', null)
            .where('cancelled_at_ms', 'is', null)
            .where('expires_at_ms', '>', nowMs),
        ),
      ),
    )
    .orderBy('site_id');

/** @param except sessions that are left alone */
async function endCharges(context: OutcomeContext, siteId: string, except: readonly string[]): Promise<string[]> {
  const charging = await context.trx
    .selectFrom('orders')
    .selectAll()
    .where('site_id', '=', siteId)
    .where('state', '=', 'charging')
    .orderBy('order_id')
    .forUpdate()
    .execute();
  const orders = charging.filter(({ session_id: id }) => id === null || !except.includes(id));
  const seen = await lastSeenOf(context.trx, orders);
  for (const order of orders)
    await endLostOrder(context, order, { cause: 'site-gone', seen: seen[order.session_id ?? ''] ?? null });
  return orders.map((order) => order.order_id);
}
