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
 * again, while it is the last one, is the same version, and is sent again if it was refused. A schedule of tariffs is in force for what is charged from here as well. One that was put before and that the site has not answered is sent no more.
 *
 * @throws PilegateError `station.unknown`; `request.invalid` with every complaint; `resource.exists` where the version that the
 *   document states is taken, or a higher one is known; `tariff.version_exists` where a tariff in it is known with another content
 */
export async function putDocument(
  context: Pick<CloudContext, 'db' | 'clock' | 'wake'>,
  put: NewDocument,
): Promise<SiteDocumentRow> {
  const { siteId, kind, text, requestedBy } = put;
  const nowMs = context.clock.wallMs();
  const digest = sha256Hex(text);
  const row = await transaction(context.db, async (trx) => {
    const { version: stated, schedule } = checkDocument(kind, text, await connectorsOf(trx, siteId));
    const known = await newestFirst(trx, siteId, kind);
    const last = known[0];
    if (last?.digest === digest && last.text !== null && (stated === null || stated === last.version))
      return last.status === 'refused' ? await sendAgain(trx, last, nowMs) : last;
    const highest = Math.max(last?.version ?? 0, await versionInForce(trx, siteId, kind));
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
  });
  context.wake.commands();
  return row;
}

/** Why it was refused may be no more: another key is pinned, or other software runs there. */
const sendAgain = (trx: Trx, { site_id, kind, version, digest }: SiteDocumentRow, nowMs: number) =>
  trx
    .updateTable('site_documents')
    .set({ status: 'open', next_send_at_ms: nowMs, sent_count: 0, code: null, detail: null, complaints: null })
    .where('site_id', '=', site_id)
    .where('kind', '=', kind)
    .where('version', '=', version)
    .where('digest', '=', digest)
    .returningAll()
    .executeTakeFirstOrThrow();

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

/** Made on site, it may be known by the site's hello alone. */
async function versionInForce(trx: Trx, siteId: string, kind: DocumentKind): Promise<number> {
  const row = await trx
    .selectFrom('site_documents_in_force')
    .select('version')
    .where('site_id', '=', siteId)
    .where('kind', '=', kind)
    .executeTakeFirst();
  return row?.version ?? 0;
}

const newestFirst = (trx: Trx, siteId: string, kind: DocumentKind): Promise<SiteDocumentRow[]> =>
  trx
    .selectFrom('site_documents')
    .selectAll()
    .where('site_id', '=', siteId)
    .where('kind', '=', kind)
    .orderBy('version', 'desc')
    .orderBy('created_at_ms', 'desc')
    .execute();
