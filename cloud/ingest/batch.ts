import { sql } from 'kysely';
import type { Batch, RecordEnvelope } from '#shared/wire/messages.ts';
import { WIRE_VERSION } from '#shared/wire/topics.ts';
import { isTransient, type Trx } from '../db/transaction.ts';
import { judgeReservations } from '../reservations/told-reservations.ts';
import { applySamples } from '../samples/apply-samples.ts';
import { applyAll, applyTogether, togetherFrom } from './apply-together.ts';
import { attemptRecord } from './attempt-record.ts';
import { parkRecord } from './dead-letters.ts';
import type { IngestContext, KnownSite } from './incoming.ts';
import { numbersBefore, planBatch, type Refusal, type Step, type StoredRecord } from './plan-batch.ts';
import { inShard, ShardLostError } from './shards/fence.ts';
import { type SiteFacts, siteFacts } from './site-facts.ts';
import { storable } from './storable.ts';
import { judgeSessions } from './told-sessions.ts';

interface BatchInHand {
  readonly context: IngestContext;
  readonly trx: Trx;
  readonly site: KnownSite;
  readonly facts: SiteFacts;
  readonly batch: Batch;
  readonly nowMs: number;
  /** Each record can fail by itself; otherwise the first that fails ends it all, as `RecordFailed`. */
  readonly isCareful: boolean;
  /** Numbers under which another record is known: the store is a copy. */
  readonly conflicts: number[];
}

/** A record whose effects are written, or undone because it was refused. */
interface AppliedRecord {
  readonly record: RecordEnvelope;
  readonly bodySha256: string;
  readonly refusal: Refusal | null;
}

/**
 * Applies one batch in one transaction and acknowledges it after the COMMIT, duplicates included, because the
 * acknowledgement before may have been lost. Behind a gap nothing is applied: the acknowledgement tells the
 * site where to go on. A record that cannot be applied is parked by itself and the stream goes on.
 */
export async function handleBatch(context: IngestContext, site: KnownSite, batch: Batch): Promise<void> {
  const apply = async (trx: Trx, isCareful: boolean) => {
    // Within the transaction, and anew for the second: lists count on no change having a time before its transaction.
    const nowMs = context.clock.wallMs();
    const facts = siteFacts(trx, site.siteId);
    const inHand = { context, trx, site, facts, batch, nowMs, isCareful, conflicts: [] };
    const { cursor, toldHeadSeq, firstMissingSeq } = await lockCursor(inHand);
    const outcome = batch.stream === 'samples' ? await applySamples(inHand, cursor) : await applyEvents(inHand, cursor);
    // Events move it with the statement that keeps them.
    if (batch.stream === 'samples' && outcome.ackedSeq > cursor)
      await trx
        .updateTable('cursors')
        .set({ acked_seq: outcome.ackedSeq })
        .where((where) => where.and(streamOf(inHand)))
        .execute();
    const isDrained = batch.stream === 'events' && toldHeadSeq !== null && outcome.ackedSeq >= toldHeadSeq;
    const told = { ...context, trx, site, nowMs };
    const isReached = batch.stream === 'events' && firstMissingSeq !== null && outcome.ackedSeq >= firstMissingSeq;
    const areLost = isReached && (await judgeReservations(told, batch.storeEpoch, outcome.ackedSeq));
    const hasEnded = (isDrained && (await judgeSessions(told))) || areLost;
    return { ...outcome, conflicts: inHand.conflicts, hasEnded };
  };
  // A savepoint costs two turns with the database, and hardly a record needs it.
  const { value, tenure } = await inShard(context, site.shard, (trx) => apply(trx, false)).catch((error: unknown) => {
    if (!(error instanceof RecordFailed)) throw error;
    return inShard(context, site.shard, (trx) => apply(trx, true));
  });
  const { ackedSeq, refused, conflicts, hasEnded } = value;
  context.metrics.batch({
    shard: site.shard,
    stream: batch.stream,
    taken: batch.records.length - refused.length,
    refused: refused.length,
    lagMs: lagOf(batch, context.clock.wallMs()),
  });
  if (!tenure.isLive()) throw new ShardLostError(site.shard);
  await context.down.ack(site, {
    v: WIRE_VERSION,
    storeEpoch: batch.storeEpoch,
    stream: batch.stream,
    ...(batch.sendNo === undefined ? {} : { sendNo: batch.sendNo }),
    ackedSeq,
    refused,
    ...(conflicts.length > 0 ? { isCopy: true } : {}),
  });
  if (!hasEnded && !batch.records.some(({ body }) => canMakeWork(body.kind))) return;
  context.wake.commands();
  context.wake.deliveries();
}

/** By the clock of the site, where it is to be trusted. */
function lagOf({ records }: Batch, nowMs: number): number | null {
  const at = records.at(-1)?.at;
  return at?.clock === 'trusted' ? nowMs - at.wallMs : null;
}

/** Neither an alarm nor a sample gives anybody anything to send: the many of them wake nobody. */
const canMakeWork = (kind: string): boolean => kind !== 'alarm.raised' && !kind.startsWith('samples.');

interface Cursor {
  readonly cursor: number;
  /** With which event of this store it is to be judged what the site has said that it runs; null: with none. */
  readonly toldHeadSeq: number | null;
  /** The same of what it has not named of the reservations that it should hold. */
  readonly firstMissingSeq: number | null;
}

async function lockCursor(inHand: BatchInHand): Promise<Cursor> {
  const known = await cursorForUpdate(inHand);
  if (known !== undefined) return known;
  await inHand.trx
    .insertInto('cursors')
    .values({ ...streamOf(inHand), acked_seq: 0 })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const made = await cursorForUpdate(inHand);
  if (made === undefined) throw new Error('a cursor that was just made is gone');
  return made;
}

const cursorForUpdate = (inHand: BatchInHand): Promise<Cursor | undefined> =>
  inHand.trx
    .selectFrom('cursors')
    .select((select) => [
      'acked_seq as cursor',
      select
        .selectFrom('told_sessions')
        .select('head_seq')
        .whereRef('told_sessions.site_id', '=', 'cursors.site_id')
        .whereRef('told_sessions.store_epoch', '=', 'cursors.store_epoch')
        .as('toldHeadSeq'),
      select
        .selectFrom('reservations')
        .select(({ fn }) => fn.min('missing_seq').as('seq'))
        .whereRef('reservations.site_id', '=', 'cursors.site_id')
        .whereRef('reservations.missing_epoch', '=', 'cursors.store_epoch')
        .where('state', '=', 'active')
        .as('firstMissingSeq'),
    ])
    .where((where) => where.and(streamOf(inHand)))
    .forUpdate()
    .executeTakeFirst();

const streamOf = ({ site, batch }: BatchInHand) => ({
  site_id: site.siteId,
  store_epoch: batch.storeEpoch,
  stream: batch.stream,
});

/** One of the records cannot be applied, and nothing is written. */
class RecordFailed extends Error {}

async function applyEvents(inHand: BatchInHand, cursor: number): Promise<{ ackedSeq: number; refused: Refusal[] }> {
  const { batch, context, site } = inHand;
  const stored = await storedUnder(inHand, numbersBefore(batch.records, cursor));
  const { steps, ackedSeq, missingBeforeSeq } = planBatch(batch.records, cursor, stored);
  const applied: AppliedRecord[] = [];
  const refused: Refusal[] = [];
  for (let i = 0; i < steps.length; ) {
    const together = togetherFrom(steps, i);
    const count = together.flat().length;
    const areApplied = inHand.isCareful
      ? count > 1 && (await applyTogether({ ...inHand.context, ...inHand }, together))
      : count > 0 && (await applyBoldly(inHand, together));
    const run = steps.slice(i, i + Math.max(1, count));
    i += run.length;
    for (const step of run) {
      const refusal = areApplied ? null : await take(inHand, step);
      if (refusal !== null) refused.push(refusal);
      if (step.kind === 'apply') applied.push({ ...step, refusal });
    }
  }
  await store(inHand, applied, ackedSeq);
  if (missingBeforeSeq !== null)
    context.logger.warn(
      { siteId: site.siteId, expectedSeq: ackedSeq + 1, seq: missingBeforeSeq },
      'records are missing before this one',
    );
  return { ackedSeq, refused };
}

async function applyBoldly(inHand: BatchInHand, together: ReturnType<typeof togetherFrom>): Promise<true> {
  try {
    await applyAll({ ...inHand.context, ...inHand }, together);
    return true;
  } catch (error) {
    throw isTransient(error) ? error : new RecordFailed('one of the records cannot be applied', { cause: error });
  }
}

async function storedUnder(inHand: BatchInHand, seqs: readonly number[]): Promise<Map<number, StoredRecord>> {
  if (seqs.length === 0) return new Map();
  const rows = await inHand.trx
    .selectFrom('site_records')
    .select(['seq', 'body_sha256', 'refused_code', 'refused_detail'])
    .where((where) => where.and(streamOf(inHand)))
    .where('seq', 'in', seqs)
    .execute();
  return new Map(
    rows.map((row) => {
      const refused = row.refused_code === null ? null : { code: row.refused_code, detail: row.refused_detail ?? '' };
      return [row.seq, { bodySha256: row.body_sha256, refused }];
    }),
  );
}

function take(inHand: BatchInHand, step: Step): Promise<Refusal | null> {
  switch (step.kind) {
    case 'apply':
      return applyNew(inHand, step.record);
    case 'refused-before':
      return Promise.resolve(step.refusal);
    case 'conflict':
      inHand.conflicts.push(step.record.seq);
      return park(inHand, step.record, 'wire.conflict', step.detail);
  }
}

async function applyNew(inHand: BatchInHand, record: RecordEnvelope): Promise<Refusal | null> {
  const why = await attemptRecord({ ...inHand.context, ...inHand }, record);
  // Where it may pass, nothing is stored and nothing acknowledged: the whole transaction fails.
  return why === null ? null : park(inHand, record, why.code, why.detail);
}

/** Keeps what was applied, and that it was. */
async function store(inHand: BatchInHand, applied: readonly AppliedRecord[], ackedSeq: number): Promise<void> {
  if (applied.length === 0) return;
  const { trx, site, batch, nowMs } = inHand;
  const rows = applied.map(({ record, bodySha256, refusal }) => ({
    seq: record.seq,
    kind: storable(record.body.kind, 64),
    body: JSON.stringify(record.body),
    body_sha256: bodySha256,
    refused_code: refusal?.code ?? null,
    refused_detail: refusal?.detail ?? null,
  }));
  await sql`with reached as (
      update cursors set acked_seq = ${ackedSeq}::bigint
      where site_id = ${site.siteId} and store_epoch = ${batch.storeEpoch}::uuid and stream = ${batch.stream})
    insert into site_records
      (site_id, store_epoch, stream, seq, kind, body, body_sha256, refused_code, refused_detail, received_at_ms)
    select ${site.siteId}, ${batch.storeEpoch}::uuid, ${batch.stream}, seq, kind, body, body_sha256, refused_code, refused_detail,
      ${nowMs}::bigint
    from json_to_recordset(${JSON.stringify(rows)}::json) as one (
      seq bigint, kind text, body text, body_sha256 text, refused_code text, refused_detail text)`.execute(trx);
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
