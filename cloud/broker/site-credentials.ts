import { timingSafeEqual } from 'node:crypto';
import { sha256Hex } from '../canonical-json.ts';
import type { Db } from '../db/connect.ts';
import type { BrokerIdentity } from './permissions.ts';

export type Authenticate = (username: string, password: string) => Promise<BrokerIdentity | null>;

const sameText = (a: string, b: string): boolean =>
  timingSafeEqual(Buffer.from(sha256Hex(a)), Buffer.from(sha256Hex(b)));

/**
 * Sites log in with their id and the password shown once when they were created. A digest is enough to
 * store, because the password is 32 random bytes that nobody can guess from it.
 */
export function createAuthenticate(db: Db, cloud: { username: string; password: string }): Authenticate {
  return async (username, password) => {
    if (sameText(username, cloud.username)) return sameText(password, cloud.password) ? { role: 'cloud' } : null;
    const site = await db
      .selectFrom('sites')
      .select(['site_id', 'shard', 'broker_password_sha256'])
      .where('site_id', '=', username)
      .executeTakeFirst();
    if (site === undefined || !sameText(sha256Hex(password), site.broker_password_sha256)) return null;
    return { role: 'site', siteId: site.site_id, shard: site.shard };
  };
}
