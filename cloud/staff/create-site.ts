import type { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { SHARD_COUNT } from '#shared/wire/topics.ts';
import { sha256Hex } from '../canonical-json.ts';
import type { CloudContext } from '../context.ts';
import { isUniqueViolation, transaction } from '../db/transaction.ts';
import type { createdSiteSchema, newSiteSchema } from './schemas.ts';

const PASSWORD_BYTES = 32;

/** The topic shard of a site: from its id, so that it can be told without asking. */
export const shardOf = (siteId: string): number => Number.parseInt(sha256Hex(siteId).slice(0, 8), 16) % SHARD_COUNT;

/**
 * Creates a site with its connectors and its login to the broker.
 *
 * @throws PilegateError `resource.exists` when the site or one of its connectors exists already
 */
export async function createSite(
  context: Pick<CloudContext, 'db' | 'clock' | 'random'>,
  wish: z.infer<typeof newSiteSchema>,
): Promise<z.infer<typeof createdSiteSchema>> {
  const nowMs = context.clock.wallMs();
  const shard = wish.shard ?? shardOf(wish.site_id);
  const password = context.random.bytes(PASSWORD_BYTES).toString('base64url');
  try {
    await transaction(context.db, async (trx) => {
      await trx
        .insertInto('sites')
        .values({
          site_id: wish.site_id,
          name: wish.name,
          environment: wish.environment,
          timezone: wish.timezone,
          shard,
          broker_password_sha256: sha256Hex(password),
          created_at_ms: nowMs,
          updated_at_ms: nowMs,
        })
        .execute();
      await trx
        .insertInto('connectors')
        .values(wish.connectors.map((connector) => ({ ...connector, site_id: wish.site_id })))
        .execute();
    });
  } catch (cause) {
    if (!isUniqueViolation(cause)) throw cause;
    const detail = `site ${wish.site_id}, or one of its connectors, exists already`;
    throw new PilegateError('resource.exists', detail, { cause });
  }
  return { site_id: wish.site_id, shard, broker_username: wish.site_id, broker_password: password };
}
