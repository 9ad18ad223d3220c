import type { DocumentKind } from '#shared/documents.ts';
import { PilegateError } from '#shared/errors.ts';
import { sha256Hex } from '../canonical-json.ts';
import type { CloudContext } from '../context.ts';
import type { SiteDocumentRow } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { putTariffSchedule } from '../stations/put-tariff-schedule.ts';
import { checkDocument } from './check-document.ts';

export interface NewDocument {
  readonly siteId: string;
  readonly kind: DocumentKind;
  readonly text: string;
  readonly requestedBy: string;
}

/**
 * Puts a document for a site: it is checked, numbered, and sent until the site has told what becomes of it. The same document
 * again, while it is the last one, is the same version, and is sent again if it was refused. A schedule of tariffs is in force for what
 * is charged from here as well. One that was put before and that the site has not answered is sent no more.
 *
 * @throws PilegateError `station.unknown`; `request.invalid` with every complaint; `resource.exists` where the version that the
 *   document states is taken, or a higher one is known; `tariff.version_exists` where a tariff in it is known with another content
 */
export async function putDocument(
  context: Pick<CloudContext, 'db' | 'clock' | 'wake'>,
  put: NewDocument,
): Promise<SiteDocumentRow> {
  const row = await transaction(context.db, (trx) => putDocumentIn(trx, put, context.clock.wallMs()));
  context.wake.commands();
  return row;
}

/** The same within a transaction, after which the sender is to be woken. */
export async function putDocumentIn(trx: Trx, put: NewDocument, nowMs: number): Promise<SiteDocumentRow> {
  const { siteId, kind, text, requestedBy } = put;
  const digest = sha256Hex(text);
  const { version: stated, schedule } = checkDocument(kind, text, await connectorsOf(trx, siteId));
  const last = await newestOf(trx, siteId, kind);
  if (last?.digest === digest && (stated === null || stated === last.version)) return repeated(trx, last, put, nowMs);
  const highest = await highestVersion(trx, siteId, kind);
  const version = stated ?? highest + 1;
  if (version <= highest)
    throw new PilegateError('resource.exists', `version ${highest} is known; the next is ${highest + 1}`);
  await trx
    .updateTable('site_documents')
    .set({ next_send_at_ms: null })
    .where('site_id', '=', siteId)
    .where('kind', '=', kind)
    .execute();
  // What is charged on site is checked here by the same tariffs.
  if (schedule !== null) await putTariffSchedule(trx, siteId, schedule, nowMs);
  return await trx
    .insertInto('site_documents')
    .values({
      site_id: siteId,
      kind,
      version,
      digest,
      text,
      requested_by: requestedBy,
      created_at_ms: nowMs,
      next_send_at_ms: nowMs,
      sent_count: 0,
      status: 'open',
      source: 'cloud',
      detail: null,
      complaints: null,
      code: null,
      reported_at_ms: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/**
 * The last document once more. One that was made on site is known here with its text from now on, and the site can be sent back to it.
 * One that was refused is sent again: why it was may be no more, as when another key is pinned.
 */
async function repeated(trx: Trx, last: SiteDocumentRow, { text, requestedBy }: NewDocument, nowMs: number) {
  if (last.text !== null && last.status !== 'refused') return last;
  const { site_id, kind, version, digest } = last;
  const isRefused = last.status === 'refused';
  return await trx
    .updateTable('site_documents')
    .set({
      text,
      requested_by: last.requested_by ?? requestedBy,
      ...(isRefused && {
        status: 'open',
        next_send_at_ms: nowMs,
        sent_count: 0,
        code: null,
        detail: null,
        complaints: null,
      }),
    })
    .where('site_id', '=', site_id)
    .where('kind', '=', kind)
    .where('version', '=', version)
    .where('digest', '=', digest)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** The site's row is held, so that two who put at once number one after the other. */
async function connectorsOf(trx: Trx, siteId: string): Promise<string[]> {
  const site = await trx
    .selectFrom('sites')
    .select('site_id')
    .where('site_id', '=', siteId)
    .forUpdate()
    .executeTakeFirst();
  if (site === undefined) throw new PilegateError('station.unknown', `no site ${siteId}`);
  const rows = await trx.selectFrom('connectors').select('connector_id').where('site_id', '=', siteId).execute();
  return rows.map((row) => row.connector_id);
}

/** The highest version that is known of a kind at the site. One made there may be known by the site's hello alone. */
export async function highestVersion(trx: Trx, siteId: string, kind: DocumentKind): Promise<number> {
  const last = await newestOf(trx, siteId, kind);
  const inForce = await documentInForce(trx, siteId, kind);
  return Math.max(last?.version ?? 0, inForce?.version ?? 0);
}

/** What is in force at the site, by its own word. */
export const documentInForce = (trx: Trx, siteId: string, kind: DocumentKind) =>
  trx
    .selectFrom('site_documents_in_force')
    .select(['version', 'digest'])
    .where('site_id', '=', siteId)
    .where('kind', '=', kind)
    .executeTakeFirst();

const newestOf = (trx: Trx, siteId: string, kind: DocumentKind): Promise<SiteDocumentRow | undefined> =>
  trx
    .selectFrom('site_documents')
    .selectAll()
    .where('site_id', '=', siteId)
    .where('kind', '=', kind)
    .orderBy('version', 'desc')
    .orderBy('created_at_ms', 'desc')
    .limit(1)
    .executeTakeFirst();
