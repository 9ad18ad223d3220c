import { sql } from 'kysely';
import type { ConnectorStatus } from '#shared/wire/messages.ts';
import { MAX_RECORD_SPAN_MS, type SampleColumn } from '#shared/wire/samples.ts';
import type { Db } from '../db/connect.ts';
import type { SampleLossRow, SampleSeriesRow } from '../db/schema.ts';
import type { SampleColumns } from './plan-samples.ts';

export interface StoredSample {
  readonly atMs: number;
  readonly clock: SampleSeriesRow['clock'];
  readonly storeEpoch: string;
  readonly seq: number;
  readonly status: ConnectorStatus;
  readonly sessionId: string | null;
  readonly registerWh: number | null;
  readonly currentMa: number | null;
  readonly powerW: number | null;
  readonly temperatureDc: number | null;
}

export interface SamplesRange {
  readonly siteId: string;
  readonly connectorId: string;
  /** Inclusive. */
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
}

/** Where a page ended: the last run of samples on it. */
export interface SeriesKey {
  readonly untilMs: number;
  readonly storeEpoch: string;
  readonly lastSeq: number;
}

export interface SamplesPage {
  readonly samples: readonly StoredSample[];
  /** Null when there is nothing more. */
  readonly next: SeriesKey | null;
}

/** Runs that are read in one statement. */
const SERIES_AT_ONCE = 50;

/**
 * One page of a connector's samples in a time range, in the order in which they were taken. A page ends with the run of samples that
 * brings it to `limit` or beyond; a run has a thousand at most.
 */
export async function readSamples(
  db: Db,
  range: SamplesRange,
  after: SeriesKey | null,
  limit: number,
): Promise<SamplesPage> {
  const samples: StoredSample[] = [];
  let key = after;
  for (;;) {
    const rows = await seriesAfter(db, range, key);
    for (const row of rows) {
      samples.push(...samplesOf(row).filter(({ atMs }) => atMs >= range.fromMs && atMs < range.toMs));
      key = { untilMs: row.until_ms, storeEpoch: row.store_epoch, lastSeq: row.last_seq };
      if (samples.length >= limit) return { samples, next: key };
    }
    if (rows.length < SERIES_AT_ONCE) return { samples, next: null };
  }
}

function seriesAfter(
  db: Db,
  { siteId, connectorId, fromMs, toMs }: SamplesRange,
  after: SeriesKey | null,
): Promise<SampleSeriesRow[]> {
  return db
    .selectFrom('sample_series')
    .selectAll()
    .where('site_id', '=', siteId)
    .where('connector_id', '=', connectorId)
    .where('until_ms', '>=', fromMs)
    .where('until_ms', '<', toMs + MAX_RECORD_SPAN_MS)
    .where('from_ms', '<', toMs)
    .$if(after !== null, (query) =>
      query.where((where) =>
        where(
          where.refTuple('until_ms', 'store_epoch', 'last_seq'),
          '>',
          where.tuple(after?.untilMs ?? 0, after?.storeEpoch ?? '', after?.lastSeq ?? 0),
        ),
      ),
    )
    .orderBy('until_ms')
    .orderBy('store_epoch')
    .orderBy('last_seq')
    .limit(SERIES_AT_ONCE)
    .execute();
}

function samplesOf(row: SampleSeriesRow): StoredSample[] {
  const columns: SampleColumns = JSON.parse(row.body);
  const at = (column: SampleColumn, i: number): number | null => (Array.isArray(column) ? (column[i] ?? null) : column);
  return columns.agoMs.map((agoMs, i) => ({
    atMs: row.until_ms - agoMs,
    clock: row.clock,
    storeEpoch: row.store_epoch,
    seq: row.last_seq - (columns.seqAgo[i] ?? 0),
    status: row.status,
    sessionId: row.session_id,
    registerWh: at(columns.registerWh, i),
    currentMa: at(columns.currentMa, i),
    powerW: at(columns.powerW, i),
    temperatureDc: at(columns.temperatureDc, i),
  }));
}

/** At most so many are told with a page; they are of the site, not of the connector. */
const LOSSES_AT_ONCE = 200;

/** What the site has not kept of the time in question. One whose end nobody knows counts by when it was told. */
export function readLosses(db: Db, { siteId, fromMs, toMs }: SamplesRange): Promise<SampleLossRow[]> {
  return db
    .selectFrom('sample_losses')
    .selectAll()
    .where('site_id', '=', siteId)
    .where(sql<boolean>`coalesce(until_ms, received_at_ms) >= ${fromMs}`)
    .where(sql<boolean>`coalesce(from_ms, until_ms, 0) < ${toMs}`)
    .orderBy('received_at_ms')
    .orderBy('store_epoch')
    .orderBy('last_seq')
    .limit(LOSSES_AT_ONCE)
    .execute();
}
