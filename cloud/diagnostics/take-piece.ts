import { createHash } from 'node:crypto';
import type { Piece } from '#shared/wire/messages.ts';
import type { Trx } from '../db/transaction.ts';
import type { IngestContext, KnownSite } from '../ingest/incoming.ts';
import { inShard } from '../ingest/shards/fence.ts';

/**
 * Keeps a piece and has the next one asked for. A piece that comes twice, or that nobody asked for, changes nothing. When the whole does
 * not have the digest that the site told, or the site tells another one, everything is asked for again.
 */
export async function handlePiece(context: IngestContext, site: KnownSite, piece: Piece): Promise<void> {
  const nowMs = context.clock.wallMs();
  await inShard(context, site.shard, (trx) => takePiece(context, trx, site, piece, nowMs));
  context.wake.commands();
}

async function takePiece(
  { logger }: Pick<IngestContext, 'logger'>,
  trx: Trx,
  { siteId }: KnownSite,
  { bundleId, piece, pieces, sha256, base64 }: Piece,
  nowMs: number,
): Promise<void> {
  const bundle = await trx
    .selectFrom('diagnostics')
    .select(['sha256', 'next_piece'])
    .where('bundle_id', '=', bundleId)
    .where('site_id', '=', siteId)
    .where('status', '=', 'open')
    .forUpdate()
    .executeTakeFirst();
  if (bundle === undefined || piece !== bundle.next_piece) return;
  const set = (change: object) =>
    trx.updateTable('diagnostics').set(change).where('bundle_id', '=', bundleId).execute();
  const begin = async () => {
    await trx.deleteFrom('diagnostic_pieces').where('bundle_id', '=', bundleId).execute();
    await set({ sha256: null, pieces: null, next_piece: 0, next_ask_at_ms: nowMs });
  };
  // Made anew, as after a restart of the site: only its first piece can be the beginning of it.
  if (bundle.sha256 !== null && bundle.sha256 !== sha256 && piece > 0) return begin();
  const content = Buffer.from(base64, 'base64');
  await trx.insertInto('diagnostic_pieces').values({ bundle_id: bundleId, piece, content }).execute();
  if (piece + 1 < pieces) {
    await set({ sha256, pieces, next_piece: piece + 1, next_ask_at_ms: nowMs });
    return;
  }
  const rows = await trx
    .selectFrom('diagnostic_pieces')
    .select('content')
    .where('bundle_id', '=', bundleId)
    .orderBy('piece')
    .execute();
  const whole = Buffer.concat(rows.map((row) => row.content));
  if (createHash('sha256').update(whole).digest('hex') !== sha256) {
    logger.warn({ siteId, bundleId }, 'a diagnostics bundle is not what the site has made; it is asked for again');
    return begin();
  }
  await trx.deleteFrom('diagnostic_pieces').where('bundle_id', '=', bundleId).execute();
  await set({ status: 'complete', sha256, pieces, content: whole, next_ask_at_ms: null, completed_at_ms: nowMs });
  logger.info({ siteId, bundleId, bytes: whole.length }, 'diagnostics bundle is complete');
}
