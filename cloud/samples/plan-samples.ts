import { z } from 'zod';
import { complaintsOf, describeComplaints } from '#shared/complaints.ts';
import type { RecordEnvelope } from '#shared/wire/messages.ts';
import {
  type SampleColumn,
  type SampleLossReason,
  type SampleSeries,
  type SamplesTaken,
  samplesBodySchema,
} from '#shared/wire/samples.ts';

/** One run of samples of a connector, to be stored: {@link SampleColumns} before its last sample. */
export interface SeriesToStore {
  readonly connectorId: string;
  readonly status: SampleSeries['status'];
  readonly sessionId: string | null;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly untilMonoMs: number;
  readonly bootId: string;
  readonly clock: RecordEnvelope['at']['clock'];
  readonly columns: SampleColumns;
}

/** As on the wire, before the last sample of the run. */
export type SampleColumns = Omit<SampleSeries, 'connectorId' | 'status' | 'sessionId'>;

/** `refused`: the cloud itself could not read what it was told; it is kept aside. */
export type LossReason = SampleLossReason | 'refused';

export interface LossToStore {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly reason: LossReason;
  readonly samples: number | null;
  readonly fromMs: number | null;
  readonly untilMs: number | null;
}

export interface SamplesPlan {
  readonly ackedSeq: number;
  readonly series: readonly SeriesToStore[];
  readonly losses: readonly LossToStore[];
  readonly refused: readonly { readonly record: RecordEnvelope; readonly detail: string }[];
  /** The number before which records are missing; null when none are. */
  readonly missingBeforeSeq: number | null;
}

const spanSchema = z.object({ count: z.int().positive() });

/**
 * What to do with records of the stream `samples`, given how far the cloud has it. Numbers up to `cursor` are here already, in
 * whatever records they came, and are left out. Behind a hole nothing is taken. A record that cannot be read is refused by itself.
 */
export function planSamples(records: readonly RecordEnvelope[], cursor: number): SamplesPlan {
  const series: SeriesToStore[] = [];
  const losses: LossToStore[] = [];
  const refused: { record: RecordEnvelope; detail: string }[] = [];
  let ackedSeq = cursor;
  for (const record of records) {
    const { seq } = record;
    const firstSeq = seq + 1 - (spanSchema.safeParse(record.body).data?.count ?? 1);
    if (firstSeq > ackedSeq + 1) return { ackedSeq, series, losses, refused, missingBeforeSeq: seq };
    if (seq <= ackedSeq) continue;
    const parsed = samplesBodySchema.safeParse(record.body);
    if (!parsed.success) {
      refused.push({ record, detail: describeComplaints(complaintsOf(parsed.error).slice(0, 5)) });
      const untilMs = record.at.clock === 'none' ? null : record.at.wallMs;
      losses.push({ firstSeq: ackedSeq + 1, lastSeq: seq, reason: 'refused', samples: null, fromMs: null, untilMs });
    } else if (parsed.data.kind === 'samples.taken') {
      const taken = parsed.data.series.flatMap((one) => behind(one, record, ackedSeq));
      series.push(...taken);
      losses.push(...thinned(parsed.data, record, taken, ackedSeq));
    } else {
      const { reason, samples, fromWallMs: fromMs, toWallMs: untilMs } = parsed.data;
      losses.push({ firstSeq: ackedSeq + 1, lastSeq: seq, reason, samples, fromMs, untilMs });
    }
    ackedSeq = seq;
  }
  return { ackedSeq, series, losses, refused, missingBeforeSeq: null };
}

/** The part of a series that is not here yet. */
function behind(series: SampleSeries, { seq, at }: RecordEnvelope, ackedSeq: number): SeriesToStore[] {
  const { connectorId, status, sessionId, seqAgo, agoMs } = series;
  const from = seqAgo.findIndex((ago) => seq - ago > ackedSeq);
  const [firstAgo, lastAgo] = [seqAgo[from], seqAgo.at(-1)];
  const [firstAgoMs, lastAgoMs] = [agoMs[from], agoMs.at(-1)];
  if (firstAgo === undefined || lastAgo === undefined || firstAgoMs === undefined || lastAgoMs === undefined) return [];
  const rest = (column: SampleColumn): SampleColumn => (Array.isArray(column) ? column.slice(from) : column);
  return [
    {
      connectorId,
      status,
      sessionId,
      firstSeq: seq - firstAgo,
      lastSeq: seq - lastAgo,
      fromMs: at.wallMs - firstAgoMs,
      untilMs: at.wallMs - lastAgoMs,
      untilMonoMs: at.monoMs - lastAgoMs,
      bootId: at.bootId,
      clock: at.clock,
      columns: {
        seqAgo: seqAgo.slice(from).map((ago) => ago - lastAgo),
        agoMs: agoMs.slice(from).map((ms) => ms - lastAgoMs),
        registerWh: rest(series.registerWh),
        currentMa: rest(series.currentMa),
        powerW: rest(series.powerW),
        temperatureDc: rest(series.temperatureDc),
      },
    },
  ];
}

/** Numbers that the record stands for and has no sample under. */
function thinned(
  { count }: SamplesTaken,
  { seq, at }: RecordEnvelope,
  taken: readonly SeriesToStore[],
  ackedSeq: number,
): LossToStore[] {
  const firstSeq = Math.max(ackedSeq, seq - count) + 1;
  const samples = seq + 1 - firstSeq - taken.reduce((sum, { columns }) => sum + columns.seqAgo.length, 0);
  if (samples <= 0) return [];
  const fromMs = Math.min(at.wallMs, ...taken.map((one) => one.fromMs));
  return [{ firstSeq, lastSeq: seq, reason: 'thinned', samples, fromMs, untilMs: at.wallMs }];
}
