import type { Stamp } from '#shared/stamp.ts';
import type { RecordEnvelope } from '#shared/wire/messages.ts';
import {
  MAX_RECORD_SPAN_MS,
  MAX_SAMPLES_A_RECORD,
  type SampleColumn,
  type SampleSeries,
  type SamplesBody,
  type SamplesLost,
} from '#shared/wire/samples.ts';
import type { Sample } from './sampler.ts';
import type { Untaken } from './tombstones.ts';

/** A sample under its number in the stream. */
export interface NumberedSample {
  readonly seq: number;
  readonly sample: Sample;
}

/** What a store has to tell after a certain number, as far as it was read. */
export interface ToTell {
  readonly afterSeq: number;
  /** In order of their numbers. */
  readonly samples: readonly NumberedSample[];
  readonly untaken: readonly Untaken[];
  /** Samples up to this number have been dropped; gaps behind it come of thinning. */
  readonly droppedThroughSeq: number;
  readonly now: Stamp;
}

/**
 * Makes records of samples, without a hole: every number after `afterSeq` is a sample, is told to be lost, or lies before a sample of
 * the same record and was thinned. How many samples a record holds is no part of what they are called: the same samples may be cut
 * into other records when they are sent again.
 */
export function packSamples({ afterSeq, samples, untaken, droppedThroughSeq, now }: ToTell): RecordEnvelope[] {
  const records: RecordEnvelope[] = [];
  let toldSeq = afterSeq;
  let group: NumberedSample[] = [];
  const tell = (seq: number, at: Stamp, body: SamplesBody) => {
    records.push({ seq, at, body });
    toldSeq = seq;
  };
  const close = () => {
    const last = group.at(-1);
    if (last !== undefined) tell(last.seq, last.sample.at, taken(group, last, last.seq - toldSeq));
    group = [];
  };
  /** Numbers before this one that were dropped. */
  const tellDropped = (seq: number) => {
    const throughSeq = Math.min(droppedThroughSeq, seq - 1);
    const before = group.at(-1)?.seq ?? toldSeq;
    if (throughSeq <= before) return;
    close();
    const count = throughSeq - toldSeq;
    const lost = { reason: 'dropped', samples: count, fromWallMs: null, toWallMs: null } as const;
    tell(throughSeq, now, { kind: 'samples.lost', count, ...lost });
  };
  const stones = [...untaken];
  const tellUntaken = (beforeSeq: number) => {
    for (let stone = stones[0]; stone !== undefined && stone.seq < beforeSeq; stone = stones[0]) {
      stones.shift();
      tellDropped(stone.seq - stone.numbers + 1);
      close();
      tell(stone.seq, now, lostBy(stone, stone.seq - toldSeq));
    }
  };
  for (const one of samples) {
    tellUntaken(one.seq);
    tellDropped(one.seq);
    if (!fits(group, one)) close();
    group.push(one);
  }
  close();
  tellUntaken(Number.POSITIVE_INFINITY);
  return records;
}

/** All stamps of a record are told by how long before the last of them they were. */
function fits(group: readonly NumberedSample[], { sample: { at } }: NumberedSample): boolean {
  const [first, last] = [group[0]?.sample.at, group.at(-1)?.sample.at];
  if (first === undefined || last === undefined) return true;
  const isSameClock =
    last.bootId === at.bootId && last.clock === at.clock && last.wallMs - last.monoMs === at.wallMs - at.monoMs;
  const isInOrder = last.monoMs <= at.monoMs && at.monoMs - first.monoMs <= MAX_RECORD_SPAN_MS;
  return isSameClock && isInOrder && group.length < MAX_SAMPLES_A_RECORD;
}

const lostBy = ({ reason, count, fromWallMs, toWallMs }: Untaken, numbers: number): SamplesLost => ({
  kind: 'samples.lost',
  count: numbers,
  reason,
  samples: count,
  fromWallMs,
  toWallMs,
});

/** A series ends where status or session of its connector change. */
function taken(group: readonly NumberedSample[], last: NumberedSample, count: number): SamplesBody {
  const series: NumberedSample[][] = [];
  const open = new Map<string, NumberedSample[]>();
  for (const one of group) {
    const { connectorId, status, sessionId } = one.sample;
    const known = open.get(connectorId);
    const before = known?.at(-1)?.sample;
    if (known !== undefined && before?.status === status && before.sessionId === sessionId) known.push(one);
    else {
      const begun = [one];
      open.set(connectorId, begun);
      series.push(begun);
    }
  }
  return { kind: 'samples.taken', count, series: series.map((own) => seriesOf(own, last)) };
}

function seriesOf(own: readonly NumberedSample[], last: NumberedSample): SampleSeries {
  const [first = last] = own;
  const { connectorId, status, sessionId } = first.sample;
  const column = (of: (sample: Sample) => number | null): SampleColumn => {
    const values = own.map(({ sample }) => of(sample));
    const [value = null] = values;
    return values.every((other) => other === value) ? value : values;
  };
  return {
    connectorId,
    status,
    sessionId,
    seqAgo: own.map(({ seq }) => last.seq - seq),
    agoMs: own.map(({ sample }) => last.sample.at.monoMs - sample.at.monoMs),
    registerWh: column(({ registerWh }) => registerWh),
    currentMa: column(({ currentMa }) => currentMa),
    powerW: column(({ powerW }) => powerW),
    temperatureDc: column(({ temperatureDc }) => temperatureDc),
  };
}
