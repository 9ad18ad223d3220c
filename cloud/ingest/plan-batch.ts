import type { Ack, RecordEnvelope } from '#shared/wire/messages.ts';
import { recordDroppedSchema } from '#shared/wire/records.ts';
import { digestOf } from '../canonical-json.ts';

export type Refusal = Ack['refused'][number];

/** What is stored under a number. */
export interface StoredRecord {
  readonly bodySha256: string;
  /** Null: it was applied. */
  readonly refused: { readonly code: string; readonly detail: string } | null;
}

export type Step =
  | { readonly kind: 'apply'; readonly record: RecordEnvelope; readonly bodySha256: string }
  /** It came before, and was refused then. */
  | { readonly kind: 'refused-before'; readonly refusal: Refusal }
  /** Another record has its number. */
  | { readonly kind: 'conflict'; readonly record: RecordEnvelope; readonly detail: string };

export interface BatchPlan {
  readonly steps: readonly Step[];
  /** How far the stream is when all steps are done. */
  readonly ackedSeq: number;
  /** The first record that is left where it is, because others are missing before it. */
  readonly missingBeforeSeq: number | null;
}

/** Of what the site has dropped one record stands for a whole range, and has its last number. */
function firstSeqOf({ seq, body }: RecordEnvelope): number {
  const dropped = recordDroppedSchema.safeParse(body);
  return seq + 1 - (dropped.data?.count ?? 1);
}

/** The numbers of a batch that the stream is past already: what is stored of these is asked for before the batch is planned. */
export const numbersBefore = (records: readonly RecordEnvelope[], cursor: number): number[] =>
  records.map(({ seq }) => seq).filter((seq) => seq <= cursor);

/**
 * What is to be done with each record of a batch. Each number counts once; what comes again must be the same. Behind a gap
 * nothing is done.
 *
 * @param cursor how far the stream has been applied
 * @param stored what is stored under the numbers of {@link numbersBefore}
 */
export function planBatch(
  records: readonly RecordEnvelope[],
  cursor: number,
  stored: ReadonlyMap<number, StoredRecord>,
): BatchPlan {
  const known = new Map(stored);
  const steps: Step[] = [];
  let ackedSeq = cursor;
  for (const record of records) {
    if (firstSeqOf(record) > ackedSeq + 1) return { steps, ackedSeq, missingBeforeSeq: record.seq };
    if (record.seq <= ackedSeq) {
      const step = again(record, known.get(record.seq));
      if (step !== null) steps.push(step);
      continue;
    }
    const bodySha256 = digestOf(record.body);
    steps.push({ kind: 'apply', record, bodySha256 });
    known.set(record.seq, { bodySha256, refused: null });
    ackedSeq = record.seq;
  }
  return { steps, ackedSeq, missingBeforeSeq: null };
}

/** A record that is here already: the same answer as the first time, unless it is not the same record. */
function again(record: RecordEnvelope, stored: StoredRecord | undefined): Step | null {
  // What the site has dropped since it was stored here stays stored here.
  const isDropped = record.body.kind === 'record.dropped';
  if (!isDropped && stored?.bodySha256 !== digestOf(record.body)) {
    const found = stored === undefined ? 'was told to be dropped' : 'is stored with another content';
    return { kind: 'conflict', record, detail: `record ${record.seq} ${found}` };
  }
  const refused = stored?.refused ?? null;
  return refused === null ? null : { kind: 'refused-before', refusal: { seq: record.seq, ...refused } };
}
