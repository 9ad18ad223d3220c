import type { z } from 'zod';
import { PilegateError } from '#shared/errors.ts';
import { SHARD_COUNT } from '#shared/wire/topics.ts';
import { sha256Hex } from '../canonical-json.ts';
import type { CloudContext } from '../context.ts';
import { isUniqueViolation, type Trx, transaction } from '../db/transaction.ts';
import { iso } from '../http/iso.ts';
import { DEFAULT_CLAIM_MS, storeClaim } from '../sites/claims.ts';
import { storeCredential } from '../sites/credentials.ts';
import type { createdSiteSchema, newSiteSchema } from './schemas.ts';

const PASSWORD_BYTES = 32;

type SiteContext = Pick<CloudContext, 'db' | 'clock' | 'random'>;
type Wish = z.infer<typeof newSiteSchema>;

/** The topic shard of a site: from its id, so that it can be told without asking. */
export const shardOf = (siteId: string): number => Number.parseInt(sha256Hex(siteId).slice(0, 8), 16) % SHARD_COUNT;

/**
 * Creates a site with its connectors, and a claim code or a password for it.
 *
 * @throws PilegateError `resource.exists` when the site or one of its connectors exists already
 */
export async function createSite(context: SiteContext, wish: Wish): Promise<z.infer<typeof createdSiteSchema>> {
  const shard = wish.shard ?? shardOf(wish.site_id);
  try {
    const login = await transaction(context.db, async (trx) => {
      const nowMs = context.clock.wallMs();
      await trx
        .insertInto('sites')
        .values({
          site_id: wish.site_id,
          name: wish.name,
          environment: wish.environment,
          timezone: wish.timezone,
          shard,
          created_at_ms: nowMs,
          updated_at_ms: nowMs,
        })
        .execute();
      await insertConnectors(trx, wish, nowMs);
      return wish.login === 'claim'
        ? { broker_password: null, ...(await withClaim(trx, context, wish.site_id, nowMs)) }
        : {
            broker_password: await withPassword(trx, context, wish.site_id, nowMs),
            claim_code: null,
            claim_expires_at: null,
          };
    });
    return { site_id: wish.site_id, shard, broker_username: wish.site_id, ...login };
  } catch (cause) {
    if (!isUniqueViolation(cause)) throw cause;
    const detail = `site ${wish.site_id}, one of its connectors, or a pile code exists already`;
    throw new PilegateError('resource.exists', detail, { cause });
  }
}

/** What is printed on the pile is the id of the connector, unless it is said. */
async function insertConnectors(trx: Trx, wish: Wish, nowMs: number): Promise<void> {
  const connectors = wish.connectors.map(({ pile_code: _, ...connector }) => ({ ...connector, site_id: wish.site_id }));
  await trx.insertInto('connectors').values(connectors).execute();
  const codes = wish.connectors.map(({ connector_id, pile_code: code = connector_id }) => ({ code, connector_id }));
  await trx
    .insertInto('pile_codes')
    .values(codes.map((one) => ({ ...one, set_by: 'made with the site', set_at_ms: nowMs })))
    .execute();
}

async function withClaim(trx: Trx, context: SiteContext, siteId: string, nowMs: number) {
  const claim = { siteId, requestedBy: 'made with the site', validForMs: DEFAULT_CLAIM_MS };
  const { claimCode, expiresAtMs } = await storeClaim(trx, context, claim, nowMs);
  return { claim_code: claimCode, claim_expires_at: iso(expiresAtMs) };
}

async function withPassword(trx: Trx, { random }: SiteContext, siteId: string, nowMs: number): Promise<string> {
  const password = random.bytes(PASSWORD_BYTES).toString('base64url');
  const issued = { fingerprint: sha256Hex(password), certificate: null, serial: null, expiresAtMs: null } as const;
  await storeCredential(trx, siteId, { kind: 'password', ...issued }, 'staff', nowMs);
  return password;
}
