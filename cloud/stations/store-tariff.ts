import { PilegateError } from '#shared/errors.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import { canonicalJson, digestOf } from '../canonical-json.ts';
import type { Trx } from '../db/transaction.ts';

/**
 * Stores a version of a tariff. A version never changes: the same document again is fine, another one under its number is
 * not.
 *
 * @throws PilegateError `tariff.version_exists`
 */
export async function storeTariff(trx: Trx, tariff: Tariff, nowMs: number): Promise<void> {
  const digest = digestOf(tariff);
  await trx
    .insertInto('tariffs')
    .values({
      tariff_id: tariff.tariffId,
      version: tariff.version,
      document: canonicalJson(tariff),
      document_sha256: digest,
      created_at_ms: nowMs,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const stored = await trx
    .selectFrom('tariffs')
    .select('document_sha256')
    .where('tariff_id', '=', tariff.tariffId)
    .where('version', '=', tariff.version)
    .executeTakeFirstOrThrow();
  if (stored.document_sha256 === digest) return;
  const detail = `tariff ${tariff.tariffId} version ${tariff.version} exists with another content; use a new version`;
  throw new PilegateError('tariff.version_exists', detail);
}
