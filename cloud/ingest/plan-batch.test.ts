import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RecordEnvelope } from '#shared/wire/messages.ts';
import { digestOf } from '../canonical-json.ts';
import { numbersBefore, planBatch, type StoredRecord } from './plan-batch.ts';

const at = { wallMs: 1, monoMs: 1, bootId: '00000000-0000-4000-8000-000000000001', clock: 'trusted' } as const;
const record = (seq: number, text = `record ${seq}`): RecordEnvelope => ({ seq, at, body: { kind: 'some', text } });
const dropped = (seq: number, count?: number): RecordEnvelope => ({
  seq,
  at,
  body: { kind: 'record.dropped', droppedKind: 'alarm.raised', reason: 'outbox-full', ...(count && { count }), at },
});
const asStored = ({ body }: RecordEnvelope, refused: StoredRecord['refused'] = null): StoredRecord => ({
  bodySha256: digestOf(body),
  refused,
});
const plan = (records: RecordEnvelope[], cursor: number, stored: [number, StoredRecord][] = []) =>
  planBatch(records, cursor, new Map(stored));
const applied = ({ steps }: ReturnType<typeof plan>) =>
  steps.flatMap((step) => (step.kind === 'apply' ? [step.record.seq] : []));

test('SY-01 what is new is applied in order, with the digest of its content', () => {
  const next = plan([record(4), record(5)], 3);
  expect(next).toMatchObject({ ackedSeq: 5, missingBeforeSeq: null });
  expect(next.steps).toEqual([4, 5].map((seq) => ({ kind: 'apply', record: record(seq), ...digest(seq) })));
});
const digest = (seq: number) => ({ bodySha256: digestOf(record(seq).body) });

test('SY-01 behind a gap nothing is done, also when the gap is within the batch', () => {
  expect(plan([record(5), record(6)], 3)).toEqual({ steps: [], ackedSeq: 3, missingBeforeSeq: 5 });
  const within = plan([record(4), record(6), record(5)], 3);
  expect([applied(within), within.ackedSeq, within.missingBeforeSeq]).toEqual([[4], 4, 6]);
});

test('SY-01 what comes again does nothing, and a refusal is told again as it was told first', () => {
  const why = { code: 'record.refused', detail: 'no such order' };
  const stored: [number, StoredRecord][] = [
    [1, asStored(record(1))],
    [2, asStored(record(2), why)],
  ];
  const next = plan([record(1), record(2), record(3)], 2, stored);
  expect(next.steps).toMatchObject([{ kind: 'refused-before', refusal: { seq: 2, ...why } }, { kind: 'apply' }]);
  expect(next.ackedSeq).toBe(3);
});

test('SY-03.b another content under a known number is a conflict, and so is one under a number that was told to be dropped', () => {
  const next = plan([record(1, 'forged'), record(2)], 2, [[1, asStored(record(1))]]);
  expect(next.steps).toEqual([
    { kind: 'conflict', record: record(1, 'forged'), detail: 'record 1 is stored with another content' },
    { kind: 'conflict', record: record(2), detail: 'record 2 was told to be dropped' },
  ]);
  expect(next.ackedSeq).toBe(2);
});

test('SY-01 ED-11 one record stands for a range, which may begin before what is here, and never behind a hole', () => {
  expect(applied(plan([dropped(9, 6)], 3))).toEqual([9]);
  expect(applied(plan([dropped(9, 9)], 3))).toEqual([9]);
  expect(plan([dropped(9, 5)], 3)).toMatchObject({ steps: [], ackedSeq: 3, missingBeforeSeq: 9 });
  expect(plan([dropped(5)], 3)).toMatchObject({ steps: [], missingBeforeSeq: 5 });
  expect(plan([dropped(3), dropped(2, 2)], 3, [[3, asStored(record(3))]]).steps).toEqual([]);
});

test('SY-01 one number twice in a batch counts once, and another content under it is a conflict', () => {
  const next = plan([record(1), record(1), record(1, 'forged'), record(2)], 0);
  expect(next.steps.map(({ kind }) => kind)).toEqual(['apply', 'conflict', 'apply']);
});

test('only of numbers that the stream is past is asked what is stored', () => {
  expect(numbersBefore([record(2), record(3), record(4)], 3)).toEqual([2, 3]);
});

test('SY-01 in whatever pieces and however often a stream comes, each record is applied once, and in order', () => {
  const pieces = fc.array(fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 12 })), { maxLength: 40 });
  fc.assert(
    fc.property(pieces, (ranges) => {
      const stored = new Map<number, StoredRecord>();
      const done: number[] = [];
      let cursor = 0;
      for (const [from, count] of ranges) {
        const records = Array.from({ length: count }, (_, i) => record(from + i + 1));
        const asked = new Set(numbersBefore(records, cursor));
        const next = planBatch(records, cursor, new Map([...stored].filter(([seq]) => asked.has(seq))));
        for (const step of next.steps) {
          expect(step.kind).toBe('apply');
          if (step.kind !== 'apply') continue;
          done.push(step.record.seq);
          stored.set(step.record.seq, { bodySha256: step.bodySha256, refused: null });
        }
        expect(next.ackedSeq).toBeGreaterThanOrEqual(cursor);
        cursor = next.ackedSeq;
      }
      expect(done).toEqual(Array.from({ length: cursor }, (_, i) => i + 1));
    }),
  );
});
