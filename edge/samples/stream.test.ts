import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RecordEnvelope } from '#shared/wire/messages.ts';
import { samplesBodySchema } from '#shared/wire/samples.ts';
import { uuid } from '../control/testing.ts';
import { tempFolder } from '../ledger/testing.ts';
import type { SamplesRecorder } from './recorder.ts';
import { recorderRig } from './testing.ts';

const limits = { records: 200, bytes: 262_144 };

/** Everything that the recorder has to tell after a number. */
function tellAll(recorder: SamplesRecorder, afterSeq = 0): RecordEnvelope[] {
  const told: RecordEnvelope[] = [];
  for (;;) {
    const records = recorder.recordsAfter(told.at(-1)?.seq ?? afterSeq, limits);
    if (records === null) return told;
    told.push(...records);
  }
}
const bodiesOf = (records: readonly RecordEnvelope[]) => records.map(({ body }) => samplesBodySchema.parse(body));
const losses = (records: readonly RecordEnvelope[]) =>
  bodiesOf(records).flatMap((body) => (body.kind === 'samples.lost' ? [`${body.reason} ${body.samples}`] : []));
const numbersIn = (records: readonly RecordEnvelope[]) =>
  records.flatMap(({ seq, body }) => {
    const parsed = samplesBodySchema.parse(body);
    return parsed.kind === 'samples.lost' ? [] : parsed.series.flatMap((one) => one.seqAgo.map((ago) => seq - ago));
  });
/** As a power cut leaves it: only what was synced. */
function copyOf(folder: string): string {
  const copy = tempFolder();
  cpSync(folder, copy, { recursive: true });
  return copy;
}

test('SY-02 samples that are taken now are told together, a minute of them, or five hundred', () => {
  const { recorder, run, pass } = recorderRig();
  run(50, 2);
  expect(recorder.recordsAfter(0, limits)).toBeNull();
  pass(10_000);
  const records = recorder.recordsAfter(0, limits) ?? [];
  expect(records.map(({ seq }) => seq)).toEqual([10]);
  run(10, 500);
  expect(numbersIn(tellAll(recorder, 10))).toHaveLength(500);
});

test('SY-02 every sample has one number for good, whatever is acknowledged, thinned or read again', () => {
  const { recorder, run, stones } = recorderRig();
  run(6000, 2);
  const told = tellAll(recorder);
  expect(numbersIn(told).sort((a, b) => a - b)).toEqual(Array.from({ length: 1200 }, (_, i) => i + 1));
  const { storeEpoch = '' } = recorder.stream() ?? {};
  recorder.acknowledge(storeEpoch, 700);
  recorder.acknowledge(uuid(5), 900);
  expect(recorder.stream()).toEqual({ storeEpoch, headSeq: 1200, ackedSeq: 700 });
  recorder.acknowledge(storeEpoch, 500);
  expect(recorder.stream()?.ackedSeq).toBe(700);
  expect(numbersIn(tellAll(recorder, 700)).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 500 }, (_, i) => i + 701),
  );
  expect(stones()).toEqual([]);
});

test('SY-02 as many records go into a batch as fit, and one that is too big goes alone', () => {
  const { recorder, run } = recorderRig();
  run(2000, 20);
  expect(recorder.recordsAfter(0, limits)).toHaveLength(2);
  expect(recorder.recordsAfter(0, { ...limits, records: 1 })).toHaveLength(1);
  expect(recorder.recordsAfter(0, { ...limits, bytes: 10 })).toHaveLength(1);
});

test('SY-02 what was not taken or could not be kept is told in its place, and nothing is silent', () => {
  const { recorder, run } = recorderRig({ maxBytes: 1_048_576 });
  run(100, 2);
  run(100, 2, 'scarce');
  run(60_000, 20);
  const records = tellAll(recorder);
  expect(losses(records)).toEqual(['dropped 20', 'not-taken 20', expect.stringMatching(/^dropped \d{5}$/)]);
  const [, , dropped] = records;
  let told = 0;
  for (const { seq, body } of records) {
    expect(seq - samplesBodySchema.parse(body).count).toBe(told);
    told = seq;
  }
  expect(told).toBe(recorder.stream()?.headSeq);
  expect(told).toBe(20 + 1 + 120_000);
  expect(Math.min(...numbersIn(records))).toBeGreaterThan(dropped?.seq ?? 0);
});

test('SY-02 what the cloud has goes first when room is short; what it has not is thinned only then', () => {
  const { recorder, run, stones } = recorderRig();
  run(6000, 2);
  run(6000, 2);
  run(60_000, 2);
  const { storeEpoch = '', headSeq = 0 } = recorder.stream() ?? {};
  recorder.acknowledge(storeEpoch, headSeq - 6000);
  recorder.tick('low');
  expect(stones().map(({ reason, toId }) => [reason, toId])).toEqual([
    ['dropped', headSeq - 6000],
    ['thinned', headSeq - 5000],
  ]);
});

test('SY-02 the cursor is on disk with the next samples, and a store that was closed in order goes on where it was', () => {
  const first = recorderRig();
  first.run(100, 2);
  const before = first.recorder.stream();
  first.recorder.acknowledge(before?.storeEpoch ?? '', 12);
  first.run(10, 2);
  first.recorder.close();
  const second = recorderRig({ folder: first.folder, bootId: uuid(902) });
  expect(second.recorder.stream()).toEqual({ ...before, headSeq: 22, ackedSeq: 12 });
  second.run(10, 2);
  expect(losses(tellAll(second.recorder))).toEqual([]);
});

test('SY-02 after a kill the numbers go on, and what may be missing is told', () => {
  const first = recorderRig();
  first.run(90, 2);
  first.recorder.acknowledge(first.recorder.stream()?.storeEpoch ?? '', 15);
  first.run(10, 2);
  const folder = copyOf(first.folder);
  const second = recorderRig({ folder });
  expect(second.recorder.stream()).toMatchObject({ headSeq: 21, ackedSeq: 15 });
  second.run(10, 2);
  second.pass(60_000);
  const told = tellAll(second.recorder);
  expect(losses(told)).toEqual(['interrupted null']);
  expect(
    numbersIn(told)
      .sort((a, b) => a - b)
      .slice(-2),
  ).toEqual([22, 23]);
});

test('SY-03.b numbers that a power cut took are never given again, also when a second one comes soon', () => {
  const first = recorderRig();
  first.run(100, 2);
  first.recorder.close();
  const begun = recorderRig({ folder: first.folder, bootId: uuid(902) });
  const { headSeq = 0 } = begun.recorder.stream() ?? {};
  // What is written from here on is not synced.
  const cutSoon = copyOf(first.folder);
  begun.run(100, 2);
  const given = numbersIn(tellAll(begun.recorder, headSeq));
  const again = recorderRig({ folder: cutSoon, bootId: uuid(903) });
  again.recorder.stream();
  const cutAgain = copyOf(cutSoon);
  again.run(100, 2);
  given.push(...numbersIn(tellAll(again.recorder, headSeq)));
  const third = recorderRig({ folder: cutAgain, bootId: uuid(904) });
  third.run(100, 2);
  const told = tellAll(third.recorder, headSeq);
  given.push(...numbersIn(told));
  expect(given).toHaveLength(60);
  expect(new Set(given).size).toBe(60);
  expect(losses(told)).toEqual(['interrupted null', 'interrupted null']);
});

test('SY-03.a a samples store that is damaged or gone begins another epoch, and says so', () => {
  const first = recorderRig();
  first.run(100, 2);
  const { storeEpoch } = first.recorder.stream() ?? {};
  first.recorder.close();
  writeFileSync(join(first.folder, 'samples.db'), 'x'.repeat(20_000));
  const second = recorderRig({ folder: first.folder });
  second.run(100, 2);
  expect(second.recorder.stream()).toEqual({ storeEpoch: expect.any(String), headSeq: 21, ackedSeq: 0 });
  expect(second.recorder.stream()?.storeEpoch).not.toBe(storeEpoch);
  expect(losses(tellAll(second.recorder))).toEqual(['damaged null']);
});

test('SY-02 a store that does not open has no stream, and is left alone for a while', () => {
  const folder = tempFolder();
  cpSync(tempFolder(), join(folder, 'samples.db'), { recursive: true });
  const { recorder, troubles } = recorderRig({ folder });
  expect(recorder.stream()).toBeNull();
  expect(recorder.recordsAfter(0, limits)).toBeNull();
  recorder.acknowledge(uuid(1), 5);
  expect(troubles).toHaveLength(1);
});

test('SY-02 of very many losses the oldest are told together with those after them: none is forgotten', () => {
  const { recorder, run, stones, pass } = recorderRig();
  for (let round = 0; round < 1100; round += 1) {
    run(10, 2, 'scarce');
    run(10, 1);
  }
  expect(stones().length).toBeLessThanOrEqual(1001);
  pass(60_000);
  const told = losses(tellAll(recorder)).filter((loss) => loss.startsWith('not-taken'));
  expect(told.reduce((sum, loss) => sum + Number(loss.split(' ')[1]), 0)).toBe(2200);
});

test('SY-01 samples that the cloud has lost are sent again from where it is; an older store than it knows is replaced', () => {
  const { recorder, run } = recorderRig();
  run(6000, 2);
  const { storeEpoch = '' } = recorder.stream() ?? {};
  recorder.acknowledge(storeEpoch, 1200);
  recorder.hearCursor(uuid(5), 100);
  recorder.hearCursor(storeEpoch, 1200);
  expect(recorder.stream()?.ackedSeq).toBe(1200);
  recorder.hearCursor(storeEpoch, 700);
  expect(recorder.stream()).toEqual({ storeEpoch, headSeq: 1200, ackedSeq: 700 });
  recorder.hearCursor(storeEpoch, 1201);
  expect(recorder.stream()?.storeEpoch).not.toBe(storeEpoch);
});
