import { isPilegateError } from '#shared/errors.ts';
import type { Ack, Batch, RecordEnvelope } from '#shared/wire/messages.ts';
import { recordDroppedSchema } from '#shared/wire/records.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import { digestOf } from '../canonical-json.ts';
import { isTransient, savepoint, type Trx } from '../db/transaction.ts';
import { applySamples } from '../samples/apply-samples.ts';
import { parkRecord } from './dead-letters.ts';
import type { IngestContext, KnownSite } from './incoming.ts';
import { applyRecord } from './records.ts';
import { inShard, ShardLostError } from './shards/fence.ts';
import { storable } from './storable.ts';

type Refusal = Ack['refused'][number];

interface BatchInHand {
  readonly context: IngestContext;
  readonly trx: Trx;
  readonly site: KnownSite;
  readonly batch: Batch;
  readonly nowMs: number;
}

/**
 * Applies one batch in one transaction and acknowledges it after the COMMIT, duplicates included, because the
 * acknowledgement before may have been lost. Behind a gap nothing is applied: the acknowledgement tells the
 * site where to go on. A record that cannot be applied is parked by itself and the stream goes on.
 */
export async function handleBatch(context: IngestContext, site: KnownSite, batch: Batch): Promise<void> {
  const nowMs = context.clock.wallMs();
  const { value, tenure } = await inShard(context, site.shard, async (trx) => {
    const inHand = { context, trx, site, batch, nowMs };
    const cursor = await lockCursor(inHand);
    const outcome =
      batch.stream === 'samples' ? await applySamples(inHand, cursor) : await applyInOrder(inHand, cursor);
    await trx
      .updateTable('cursors')
      .set({ acked_seq: outcome.ackedSeq })
      .where('site_id', '=', site.siteId)
      .where('store_epoch', '=', batch.storeEpoch)
      .where('stream', '=', batch.stream)
      .execute();
    return outcome;
  });
  if (!tenure.isLive()) throw new ShardLostError(site.shard);
  const { ackedSeq, refused } = value;
  await context.down.ack(site, {
    v: WIRE_VERSION,
    storeEpoch: batch.storeEpoch,
    stream: batch.stream,
    ...(batch.sendNo === undefined ? {} : { sendNo: batch.sendNo }),
    ackedSeq,
    refused,
  });
  context.wake.commands();
  context.wake.deliveries();
}

async function lockCursor({ trx, site, batch }: BatchInHand): Promise<number> {
  const key = { site_id: site.siteId, store_epoch: batch.storeEpoch, stream: batch.stream };
  await trx
    .insertInto('cursors')
    .values({ ...key, acked_seq: 0 })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = await trx
    .selectFrom('cursors')
    .select('acked_seq')
    .where('site_id', '=', site.siteId)
    .where('store_epoch', '=', batch.storeEpoch)
    .where('stream', '=', batch.stream)
    .forUpdate()
    .executeTakeFirstOrThrow();
  return row.acked_seq;
}

async function applyInOrder(inHand: BatchInHand, cursor: number): Promise<{ ackedSeq: number; refused: Refusal[] }> {
  const { batch, context, site } = inHand;
  const refused: Refusal[] = [];
  let ackedSeq = cursor;
  for (const record of batch.records) {
    if (firstSeqOf(record) > ackedSeq + 1) {
      context.logger.warn(
        { siteId: site.siteId, expectedSeq: ackedSeq + 1, seq: record.seq },
        'records are missing before this one',
      );
      break;
    }
    const refusal = record.seq <= ackedSeq ? await compareDuplicate(inHand, record) : await applyNew(inHand, record);
    if (refusal !== null) refused.push(refusal);
    ackedSeq = Math.max(ackedSeq, record.seq);
  }
  return { ackedSeq, refused };
}

/** Of what the site has dropped one record stands for a whole range, and has its last number. */
function firstSeqOf({ seq, body }: RecordEnvelope): number {
  const dropped = recordDroppedSchema.safeParse(body);
  return seq + 1 - (dropped.data?.count ?? 1);
}

/** A record that is here already: the same answer as the first time, unless it is not the same record. */
async function compareDuplicate(inHand: BatchInHand, record: RecordEnvelope): Promise<Refusal | null> {
  const { trx, site, batch } = inHand;
  const stored = await trx
    .selectFrom('site_records')
    .select(['body_sha256', 'refused_code', 'refused_detail'])
    .where('site_id', '=', site.siteId)
    .where('store_epoch', '=', batch.storeEpoch)
    .where('stream', '=', batch.stream)
    .where('seq', '=', record.seq)
    .executeTakeFirst();
  // What the site has dropped since it was stored here stays stored here.
  const isDropped = record.body.kind === 'record.dropped';
  if (!isDropped && stored?.body_sha256 !== digestOf(record.body)) {
    const found = stored === undefined ? 'was told to be dropped' : 'is stored with another content';
    return park(inHand, record, 'wire.conflict', `record ${record.seq} ${found}`);
  }
  if (stored === undefined || stored.refused_code === null) return null;
  return { seq: record.seq, code: stored.refused_code, detail: stored.refused_detail ?? '' };
}

async function applyNew(inHand: BatchInHand, record: RecordEnvelope): Promise<Refusal | null> {
  const refusal = await tryToApply(inHand, record);
  await store(inHand, record, refusal);
  return refusal;
}

async function tryToApply(inHand: BatchInHand, record: RecordEnvelope): Promise<Refusal | null> {
  const { context, trx, site, nowMs } = inHand;
  try {
    await savepoint(trx, () => applyRecord({ ...context, trx, site, nowMs }, record));
    return null;
  } catch (error) {
    const fields = { siteId: site.siteId, seq: record.seq, kind: storable(record.body.kind, 64) };
    if (isPilegateError(error)) {
      context.logger.warn({ ...fields, code: error.code, detail: error.detail }, 'record is parked');
      return park(inHand, record, error.code, error.detail);
    }
    // Told later, the same record may fit: nothing is stored, nothing acknowledged.
    if (isTransient(error)) throw error;
    context.logger.error({ ...fields, err: error, code: 'record.refused' }, 'record is parked');
    return park(inHand, record, 'record.refused', 'the record cannot be applied; the log has the reason');
  }
}

async function store({ trx, site, batch, nowMs }: BatchInHand, record: RecordEnvelope, refusal: Refusal | null) {
  await trx
    .insertInto('site_records')
    .values({
      site_id: site.siteId,
      store_epoch: batch.storeEpoch,
      stream: batch.stream,
      seq: record.seq,
      kind: storable(record.body.kind, 64),
      body: JSON.stringify(record.body),
      body_sha256: digestOf(record.body),
      refused_code: refusal?.code ?? null,
      refused_detail: refusal?.detail ?? null,
      received_at_ms: nowMs,
    })
    .execute();
}

async function park(inHand: BatchInHand, record: RecordEnvelope, code: string, reason: string): Promise<Refusal> {
  const { trx, site, batch, nowMs } = inHand;
  const detail = storable(reason, 1_000);
  await parkRecord(trx, {
    siteId: site.siteId,
    storeEpoch: batch.storeEpoch,
    stream: batch.stream,
    seq: record.seq,
    code,
    reason: detail,
    payload: JSON.stringify(record),
    receivedAtMs: nowMs,
  });
  return { seq: record.seq, code, detail };
}
