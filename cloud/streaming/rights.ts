import type { Db } from '../db/connect.ts';
import type { Environment } from '../db/schema.ts';
import type { Trx } from '../db/transaction.ts';
import { isWithin } from '../http/addresses.ts';
import type { Caller } from '../partners/caller.ts';
import { isGoodKey, keyStateOf } from '../partners/key-state.ts';
import { rangesOf, scopesOf } from '../partners/keys.ts';
import { usableStations } from '../stations/usable.ts';

/** A key that streams are open with, and where from. */
export interface KeyInUse {
  readonly keyId: string;
  readonly address: string;
}

/** Says of keys whether they may still read from where they do, in one query. */
export async function mayStillRead(
  db: Db,
  keyIds: readonly string[],
  nowMs: number,
): Promise<(key: KeyInUse) => boolean> {
  const rows = await db
    .selectFrom('partner_keys')
    .innerJoin('partners', 'partners.partner_id', 'partner_keys.partner_id')
    .selectAll('partner_keys')
    .select(['partners.allowed_cidrs as partner_cidrs', 'partners.suspended_at_ms'])
    .where('key_id', 'in', keyIds)
    .execute();
  const byId = new Map(rows.map((row) => [row.key_id, row]));
  return ({ keyId, address }) => {
    const row = byId.get(keyId);
    if (row === undefined || row.suspended_at_ms !== null || !isGoodKey(keyStateOf(row, nowMs))) return false;
    const ranges = [rangesOf(row.partner_cidrs), rangesOf(row.allowed_cidrs)].filter((one) => one !== null);
    return scopesOf(row.scopes).includes('read') && ranges.every((one) => isWithin(address, one));
  };
}

/** The stations that a partner may use now. */
export async function usableSites(db: Db | Trx, caller: Caller): Promise<ReadonlySet<string>> {
  const rows = await usableStations(db, caller).select('station.site_id').execute();
  return new Set(rows.map((row) => row.site_id));
}

/** Those of whom it was changed after a position which stations they may use, as `partnerOf` names them. */
export async function accessChangedAfter(db: Db, position: number): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('partner_access')
    .select(['partner_id', 'environment'])
    .where('changed_position', '>', position)
    .execute();
  return new Set(rows.map((row) => partnerOf({ partnerId: row.partner_id, environment: row.environment })));
}

export const partnerOf = ({
  partnerId,
  environment,
}: {
  readonly partnerId: string | null;
  readonly environment: Environment;
}): string => `${environment} ${partnerId}`;
