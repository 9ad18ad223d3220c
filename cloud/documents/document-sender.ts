import { sql } from 'kysely';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import type { CloudContext } from '../context.ts';
import type { SiteDocumentRow } from '../db/schema.ts';
import { shardsOf } from '../ingest/shards/leases.ts';
import { type DocumentSigner, loadDocumentSigner } from '../keys/document-keys.ts';
import type { SenderContext } from '../operations/command-sender.ts';

const RESEND_MS = 10_000;
/** After this many tries a site is away; its hello makes everything due at once. */
const SWIFT_TRIES = 6;
const SLOW_RESEND_MS = 300_000;
const AT_ONCE = 20;

type DocumentSenderContext = SenderContext & Pick<CloudContext, 'secrets'>;

interface DueDocument extends SiteDocumentRow {
  readonly shard: number;
}

/** Publishes the documents that sites have not answered. The next try is written down before the message goes out. */
export async function sendDueDocuments(context: DocumentSenderContext): Promise<void> {
  const rows = await claimDue(context, context.clock.wallMs());
  if (rows.length === 0) return;
  const signer = await loadDocumentSigner(context);
  const outcomes = await Promise.allSettled(rows.map((row) => send(context, signer, row)));
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined)
    context.logger.warn({ err: failure.reason }, 'document cannot be sent now and will be tried again');
}

async function claimDue({ db, processId }: SenderContext, nowMs: number): Promise<DueDocument[]> {
  const claimed = await sql<DueDocument>`
    update site_documents set
      sent_count = sent_count + 1,
      next_send_at_ms = case when sent_count < ${SWIFT_TRIES} then ${nowMs + RESEND_MS}::bigint
        else ${nowMs + SLOW_RESEND_MS}::bigint end
    from sites
    where sites.site_id = site_documents.site_id and (site_documents.site_id, kind, version, digest) in (
      select site_documents.site_id, kind, version, digest from site_documents join sites using (site_id)
      where next_send_at_ms <= ${nowMs} and text is not null and shard = any (array(${shardsOf(processId)}))
        -- Under the name of a site that is revoked anybody may listen.
        and revoked_at_ms is null
        -- What knows no documents never answers.
        and not exists (select 1 from site_links
          where site_links.site_id = site_documents.site_id and knows_documents = false)
      order by next_send_at_ms
      limit ${AT_ONCE}
      for update of site_documents skip locked)
    returning site_documents.*, sites.shard`.execute(db);
  return claimed.rows;
}

async function send({ down, logger }: SenderContext, signer: DocumentSigner, row: DueDocument): Promise<void> {
  const { site_id: siteId, shard, kind: documentKind, version, digest, text } = row;
  if (text === null) return;
  const signatures = signer.signaturesOf({ siteId, documentKind, version, digest });
  await down.document({ siteId, shard }, { v: WIRE_VERSION, documentKind, version, digest, text, signatures });
  logger.info({ siteId, documentKind, version, tries: row.sent_count }, 'document sent');
}
