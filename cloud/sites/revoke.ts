import { raisePlatformAlarm } from '../alarms/raise-alarm.ts';
import type { CloudContext } from '../context.ts';
import { transaction } from '../db/transaction.ts';
import { lockSite } from './credentials.ts';

export interface Revocation {
  readonly siteId: string;
  readonly requestedBy: string;
  readonly reason: string;
}

/**
 * Ends every credential and every open claim of a site. Its link is cut, and what comes under its name all the same is refused
 * until a new claim has been redeemed.
 *
 * @throws PilegateError `station.unknown`
 */
export async function revokeCredentials(
  context: Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger' | 'siteLinks'>,
  { siteId, requestedBy, reason }: Revocation,
): Promise<{ revokedAtMs: number; ended: number; claimsCancelled: number; isCut: boolean }> {
  const nowMs = context.clock.wallMs();
  const outcome = await transaction(context.db, async (trx) => {
    await lockSite(trx, siteId);
    const credentials = await trx
      .updateTable('site_credentials')
      .set({ ended_at_ms: nowMs, end_reason: 'revoked' })
      .where('site_id', '=', siteId)
      .where('ended_at_ms', 'is', null)
      .executeTakeFirst();
    const claims = await trx
      .updateTable('site_claims')
      .set({ cancelled_at_ms: nowMs })
      .where('site_id', '=', siteId)
      .where('redeemed_at_ms', 'is', null)
      .where('cancelled_at_ms', 'is', null)
      .executeTakeFirst();
    await trx.updateTable('sites').set({ revoked_at_ms: nowMs }).where('site_id', '=', siteId).execute();
    await trx.updateTable('site_links').set({ online: false }).where('site_id', '=', siteId).execute();
    const detail = `by ${requestedBy}: ${reason}`;
    await raisePlatformAlarm(context, trx, { code: 'credentials-revoked', severity: 'warning', siteId, detail, nowMs });
    return { ended: Number(credentials.numUpdatedRows), claimsCancelled: Number(claims.numUpdatedRows) };
  });
  context.logger.warn({ siteId, requestedBy, ...outcome }, 'credentials of a site are revoked');
  return { revokedAtMs: nowMs, ...outcome, isCut: await cutAll(context, siteId) };
}

/** It is revoked in any case: a broker that cannot be told now is told with the next list. */
async function cutAll(
  { siteLinks, logger }: Pick<CloudContext, 'siteLinks' | 'logger'>,
  siteId: string,
): Promise<boolean> {
  try {
    return await siteLinks.cut(siteId, null);
  } catch (error) {
    logger.error({ err: error, siteId }, 'the link of a revoked site cannot be cut');
    return false;
  }
}
