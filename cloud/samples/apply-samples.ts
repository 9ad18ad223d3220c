import { sql } from 'kysely';
import { type BootClock, type ClockQuality, restamp } from '#shared/stamp.ts';
import type { Ack, Batch, RecordEnvelope } from '#shared/wire/messages.ts';
import type { Trx } from '../db/transaction.ts';
import { parkRecord } from '../ingest/dead-letters.ts';
import type { IngestContext, KnownSite } from '../ingest/incoming.ts';
import { storable } from '../ingest/storable.ts';
import { knownClock } from '../orders/told-time.ts';
import { type LossToStore, planSamples, type SeriesToStore } from './plan-samples.ts';

interface SamplesBatch {
  readonly context: Pick<IngestContext, 'logger'>;
  readonly trx: Trx;
  readonly site: KnownSite;
  readonly batch: Batch;
  readonly nowMs: number;
}

/**
 * Stores a batch of samples: one statement for all of them, whatever the number. The caller holds the cursor's row, so nobody
 * else applies this stream meanwhile.
 *
 * @param cursor how far the stream has been applied
 * @returns how far it is then, and what was refused
 */
export async function applySamples(
  inHand: SamplesBatch,
  cursor: number,
): Promise<{ ackedSeq: number; refused: Ack['refused'] }> {
  const { context, site, batch } = inHand;
  const plan = planSamples(batch.records, cursor);
  if (plan.missingBeforeSeq !== null)
    context.logger.warn(
      { siteId: site.siteId, stream: batch.stream, expectedSeq: plan.ackedSeq + 1, seq: plan.missingBeforeSeq },
      'records are missing before this one',
    );
  await storeSeries(inHand, plan.series);
  await storeLosses(inHand, plan.losses);
  const refused: Ack['refused'] = [];
  for (const { record, detail } of plan.refused) refused.push(await park(inHand, record, storable(detail, 1_000)));
  return { ackedSeq: plan.ackedSeq, refused };
}

async function storeSeries(inHand: SamplesBatch, series: readonly SeriesToStore[]): Promise<void> {
  if (series.length === 0) return;
  const { trx, site, batch, nowMs } = inHand;
  const clocks = await correctedClocks(inHand, series);
  const rows = series.map((one) => {
    const told = { wallMs: one.untilMs, monoMs: one.untilMonoMs, bootId: one.bootId, clock: one.clock };
    const known = clocks.get(one.bootId);
    const until = known === undefined ? told : restamp(told, known);
    return {
      site_id: site.siteId,
      connector_id: one.connectorId,
      store_epoch: batch.storeEpoch,
      first_seq: one.firstSeq,
      last_seq: one.lastSeq,
      status: one.status,
      session_id: one.sessionId,
      from_ms: one.fromMs + until.wallMs - told.wallMs,
      until_ms: until.wallMs,
      until_mono_ms: one.untilMonoMs,
      boot_id: one.bootId,
      clock: until.clock,
      body: JSON.stringify(one.columns),
      received_at_ms: nowMs,
    };
  });
  await sql`insert into sample_series
    (site_id, connector_id, store_epoch, first_seq, last_seq, status, session_id, from_ms, until_ms, until_mono_ms, boot_id, clock, body,
     received_at_ms)
    select site_id, connector_id, store_epoch, first_seq, last_seq, status, session_id, from_ms, until_ms, until_mono_ms, boot_id, clock, body,
     received_at_ms
    from json_to_recordset(${JSON.stringify(rows)}::json) as one (
      site_id text, connector_id text, store_epoch uuid, first_seq bigint, last_seq bigint, status text, session_id uuid,
      from_ms bigint, until_ms bigint, until_mono_ms bigint, boot_id uuid, clock text, body text, received_at_ms bigint)
    on conflict do nothing`.execute(trx);
}

async function storeLosses({ trx, site, batch, nowMs }: SamplesBatch, losses: readonly LossToStore[]): Promise<void> {
  if (losses.length === 0) return;
  await trx
    .insertInto('sample_losses')
    .values(
      losses.map(({ firstSeq, lastSeq, reason, samples, fromMs, untilMs }) => ({
        site_id: site.siteId,
        store_epoch: batch.storeEpoch,
        first_seq: firstSeq,
        last_seq: lastSeq,
        reason,
        samples,
        from_ms: fromMs,
        until_ms: untilMs,
        received_at_ms: nowMs,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** A correction may have come before the samples that it is about: events go first. */
async function correctedClocks(
  { trx, site }: SamplesBatch,
  series: readonly SeriesToStore[],
): Promise<ReadonlyMap<string, BootClock>> {
  const bootIds = new Set(series.filter(({ clock }) => clock !== 'trusted').map(({ bootId }) => bootId));
  const clocks = new Map<string, BootClock>();
  for (const bootId of bootIds) {
    const clock = await knownClock({ trx, site }, bootId);
    if (clock !== null) clocks.set(bootId, clock);
  }
  return clocks;
}

async function park(
  { trx, site, batch, nowMs }: SamplesBatch,
  record: RecordEnvelope,
  detail: string,
): Promise<Ack['refused'][number]> {
  await parkRecord(trx, {
    siteId: site.siteId,
    storeEpoch: batch.storeEpoch,
    stream: batch.stream,
    seq: record.seq,
    code: 'wire.schema',
    reason: detail,
    payload: JSON.stringify(record),
    receivedAtMs: nowMs,
  });
  return { seq: record.seq, code: 'wire.schema', detail };
}

/** A site has learned what the time of one of its boots truly was: samples that were stored show it from then on. */
export async function correctSampleTimes(
  trx: Trx,
  siteId: string,
  { bootId, offsetMs, quality }: BootClock,
): Promise<void> {
  const worse: ClockQuality[] = quality === 'trusted' ? ['none', 'doubtful'] : ['none'];
  await trx
    .updateTable('sample_series')
    .set((column) => ({
      from_ms: sql<number>`${column.ref('from_ms')} + ${column.ref('until_mono_ms')} + ${offsetMs} - ${column.ref('until_ms')}`,
      until_ms: sql<number>`${column.ref('until_mono_ms')} + ${offsetMs}`,
      clock: quality,
    }))
    .where('site_id', '=', siteId)
    .where('boot_id', '=', bootId)
    .where('clock', '<>', 'trusted')
    .where('clock', 'in', worse)
    .execute();
}
