import type { Stamp } from '#shared/stamp.ts';
import type { RecordEnvelope } from '#shared/wire/messages.ts';
import { MAX_SAMPLES_A_RECORD } from '#shared/wire/samples.ts';
import { packSamples } from './pack-samples.ts';
import type { SamplesStore } from './samples-store.ts';
import type { SamplesStream } from './samples-stream.ts';

/** Of samples that are taken now, so many are told together, or those of so long: the names in a record weigh more than a sample. */
const WORTH_A_RECORD = 500;
const TOLD_WITHIN_MS = 60_000;
/** What one look reads: two records, at most 100 kB or so. */
const SAMPLES_A_LOOK = 2 * MAX_SAMPLES_A_RECORD;

export interface SamplesLimits {
  readonly records: number;
  readonly bytes: number;
}

/**
 * The next records of the stream, oldest first, as many as fit; one that alone is too big goes alone. Null when there are none yet that
 * are worth a message.
 */
export function recordsAfter(
  store: SamplesStore,
  stream: SamplesStream,
  afterSeq: number,
  limits: SamplesLimits,
  now: Stamp,
): RecordEnvelope[] | null {
  if (stream.headSeq <= afterSeq || isWaiting(store, stream, afterSeq, now)) return null;
  const samples = store.readAfter(afterSeq, SAMPLES_A_LOOK);
  const throughSeq = (samples.length < SAMPLES_A_LOOK ? null : samples.at(-1)?.seq) ?? stream.headSeq;
  const untaken = store.untaken(afterSeq, throughSeq);
  const droppedThroughSeq = store.droppedThrough();
  const records = packSamples({ afterSeq, samples, untaken, droppedThroughSeq, now }).slice(0, limits.records);
  let bytes = 0;
  const fitting = records.findIndex((record, i) => {
    bytes += JSON.stringify(record).length;
    return i > 0 && bytes > limits.bytes;
  });
  return fitting < 0 ? records : records.slice(0, fitting);
}

/** Samples that are taken now wait for others. */
function isWaiting(store: SamplesStore, { headSeq }: SamplesStream, afterSeq: number, now: Stamp): boolean {
  if (headSeq - afterSeq >= WORTH_A_RECORD) return false;
  const [oldest] = store.readAfter(afterSeq, 1);
  if (oldest?.sample.at.bootId !== now.bootId) return false;
  const ageMs = now.monoMs - oldest.sample.at.monoMs;
  return ageMs >= 0 && ageMs < TOLD_WITHIN_MS;
}
