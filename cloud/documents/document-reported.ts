import type { Hello } from '#shared/wire/messages.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import type { Db } from '../db/connect.ts';
import type { Trx } from '../db/transaction.ts';
import type { RecordContext } from '../ingest/records.ts';

/** A site tells what became of a version, whoever made it. Nothing more is sent of one that it has answered. */
export async function applyDocumentReported(
  { trx, site, nowMs, logger }: Pick<RecordContext, 'trx' | 'site' | 'nowMs' | 'logger'>,
  report: RecordOf<'document.reported'>,
): Promise<void> {
  const { documentKind: kind, version, digest, source, status, detail } = report;
  const told = {
    status,
    detail,
    code: report.code ?? null,
    complaints: report.complaints === undefined ? null : JSON.stringify(report.complaints),
    reported_at_ms: nowMs,
    next_send_at_ms: null,
  };
  if (status === 'active')
    await trx
      .updateTable('site_documents')
      .set({ status: 'replaced' })
      .where('site_id', '=', site.siteId)
      .where('kind', '=', kind)
      .where('status', '=', 'active')
      .execute();
  await trx
    .insertInto('site_documents')
    .values({
      site_id: site.siteId,
      kind,
      version,
      digest,
      text: null,
      requested_by: null,
      created_at_ms: nowMs,
      sent_count: 0,
      source,
      ...told,
    })
    .onConflict((conflict) => conflict.columns(['site_id', 'kind', 'version', 'digest']).doUpdateSet(told))
    .execute();
  if (status === 'active') await putInForce(trx, site.siteId, { documentKind: kind, version, digest }, nowMs);
  // One with a code was refused for whom it came from: somebody has to look.
  logger[report.code === undefined ? 'info' : 'error'](
    { siteId: site.siteId, documentKind: kind, version, status, code: report.code, detail },
    'site tells of a document',
  );
}

type InForce = NonNullable<Hello['documents']>[number];

const putInForce = (db: Db | Trx, siteId: string, { documentKind, version, digest }: InForce, nowMs: number) => {
  const told = { version, digest, told_at_ms: nowMs };
  return db
    .insertInto('site_documents_in_force')
    .values({ site_id: siteId, kind: documentKind, ...told })
    .onConflict((conflict) => conflict.columns(['site_id', 'kind']).doUpdateSet(told))
    .execute();
};

/**
 * A site that is back says what is in force. What it has not answered is due at once, and so is what it has had in force and has no
 * more: its memory may be another one than before.
 *
 * @param documents null from a site whose software knows no documents
 */
export async function hearDocuments(
  db: Db,
  siteId: string,
  documents: readonly InForce[] | null,
  nowMs: number,
): Promise<void> {
  await db
    .updateTable('site_documents')
    .set({ next_send_at_ms: nowMs, sent_count: 0 })
    .where('site_id', '=', siteId)
    .where('next_send_at_ms', 'is not', null)
    .execute();
  if (documents === null) return;
  for (const document of documents) await putInForce(db, siteId, document, nowMs);
  const newest = await db
    .selectFrom('site_documents')
    .distinctOn('kind')
    .select(['kind', 'version', 'digest', 'status', 'text'])
    .where('site_id', '=', siteId)
    .orderBy('kind')
    .orderBy('version', 'desc')
    .execute();
  for (const { kind, version, digest, status, text } of newest) {
    const isThere = documents.some((one) => one.documentKind === kind && one.version >= version);
    if (status !== 'active' || text === null || isThere) continue;
    await db
      .updateTable('site_documents')
      .set({ next_send_at_ms: nowMs, sent_count: 0, status: 'open' })
      .where('site_id', '=', siteId)
      .where('kind', '=', kind)
      .where('version', '=', version)
      .where('digest', '=', digest)
      .execute();
  }
}
