import type { z } from 'zod';
import type { CloudContext } from '../context.ts';
import type { Environment } from '../db/schema.ts';
import { iso, isoOrNull } from '../http/iso.ts';
import type { RotatedKey } from './key-lifecycle.ts';
import { keyStateOf } from './key-state.ts';
import { limitsOf, rangesOf, scopesOf } from './keys.ts';
import type { keySchema, rotatedKeySchema } from './schemas.ts';
import type { PartnerKeyRow } from './tables.ts';

export function keyView(row: PartnerKeyRow, nowMs: number): z.infer<typeof keySchema> {
  return {
    key_id: row.key_id,
    label: row.label,
    environment: row.environment,
    scopes: [...scopesOf(row.scopes)],
    state: keyStateOf(row, nowMs),
    allowed_cidrs: rangesOf(row.allowed_cidrs),
    limits: limitsOf(row.limits),
    created_at: iso(row.created_at_ms),
    ends_at: isoOrNull(row.revoked_at_ms ?? row.expires_at_ms),
    replaced_by: row.replaced_by,
    ended_reason: row.revoked_reason ?? row.disabled_reason,
    last_used_at: isoOrNull(row.last_used_at_ms),
    last_used_from: row.last_used_from,
  };
}

/** Keys of a partner, the oldest first. @param environment null: of both */
export async function listKeys(
  { db, clock }: Pick<CloudContext, 'db' | 'clock'>,
  partnerId: string,
  environment: Environment | null,
): Promise<z.infer<typeof keySchema>[]> {
  const rows = await db
    .selectFrom('partner_keys')
    .selectAll()
    .where('partner_id', '=', partnerId)
    .$if(environment !== null, (query) => query.where('environment', '=', environment))
    .orderBy('created_at_ms')
    .orderBy('key_id')
    .execute();
  return rows.map((row) => keyView(row, clock.wallMs()));
}

export const rotatedKeyView = (formerKeyId: string, made: RotatedKey): z.infer<typeof rotatedKeySchema> => ({
  key_id: made.keyId,
  secret: made.secret,
  former_key_id: formerKeyId,
  former_ends_at: iso(made.formerEndsAtMs),
});
