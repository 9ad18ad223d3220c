import { PilegateError } from '#shared/errors.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import { canonicalJson, digestOf } from '../canonical-json.ts';
import type { CloudContext } from '../context.ts';
import { transaction } from '../db/transaction.ts';

/**
 * Stores a version of a tariff and puts it in force at the sites, for charges started from now on. A version
 * never changes: the same document again is fine, another one under its number is not.
 *
 * @throws PilegateError `tariff.version_exists`, or `station.unknown` naming a site that does not exist
 */
export async function putTariffInForce(
  context: Pick<CloudContext, 'db' | 'clock'>,
  siteIds: readonly string[],
  tariff: Tariff,
): Promise<void> {
  const nowMs = context.clock.wallMs();
  const digest = digestOf(tariff);
  await transaction(context.db, async (trx) => {
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
    if (stored.document_sha256 !== digest) {
      const detail = `tariff ${tariff.tariffId} version ${tariff.version} exists with another content; use a new version`;
      throw new PilegateError('tariff.version_exists', detail);
    }
    for (const siteId of new Set(siteIds)) {
      const site = await trx
        .updateTable('sites')
        .set({ updated_at_ms: nowMs })
        .where('site_id', '=', siteId)
        .executeTakeFirst();
      if (site.numUpdatedRows === 0n) throw new PilegateError('station.unknown', `no site ${siteId}`);
      await trx
        .insertInto('site_tariffs')
        .values({ site_id: siteId, tariff_id: tariff.tariffId, version: tariff.version, in_force_from_ms: nowMs })
        .execute();
    }
  });
}
