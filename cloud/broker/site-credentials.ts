import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '#shared/clock.ts';
import { sha256Hex } from '../canonical-json.ts';
import type { Db } from '../db/connect.ts';
import { isGood } from '../sites/credentials.ts';
import type { BrokerIdentity } from './permissions.ts';

export type Authenticate = (username: string, password: string) => Promise<BrokerIdentity | null>;

const sameText = (a: string, b: string): boolean =>
  timingSafeEqual(Buffer.from(sha256Hex(a)), Buffer.from(sha256Hex(b)));

/**
 * Sites log in with their id and a password of their own, of which a digest is enough to store: it is 32 random bytes that
 * nobody can guess from it. While a site changes its password, the old one and the new one are good.
 */
export function createAuthenticate(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  cloud: { username: string; password: string },
): Authenticate {
  return async (username, password) => {
    if (sameText(username, cloud.username)) return sameText(password, cloud.password) ? { role: 'cloud' } : null;
    const fingerprint = sha256Hex(password);
    const row = await db
      .selectFrom('site_credentials')
      .innerJoin('sites', 'sites.site_id', 'site_credentials.site_id')
      .select(['sites.site_id', 'sites.shard', 'ended_at_ms', 'expires_at_ms'])
      .where('site_credentials.fingerprint', '=', fingerprint)
      .where('site_credentials.site_id', '=', username)
      .where('kind', '=', 'password')
      .executeTakeFirst();
    if (row === undefined || !isGood(row, clock.wallMs())) return null;
    return { role: 'site', siteId: row.site_id, shard: row.shard, fingerprint };
  };
}
