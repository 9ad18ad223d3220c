import { expect, test } from 'vitest';
import type { RecordEnvelope } from '#shared/wire/messages.ts';
import type { SampleSeries } from '#shared/wire/samples.ts';
import { planSamples } from './plan-samples.ts';

const BOOT = '5f0c2c3e-58b3-4a47-8f53-3a1b2c9d4e5f';
const at = { wallMs: 1_000_000, monoMs: 50_000, bootId: BOOT, clock: 'trusted' as const };

const series = (change: Partial<SampleSeries> = {}): SampleSeries => ({
  connectorId: 'A1',
  status: 'charging',
  sessionId: null,
  seqAgo: [4, 2, 0],
  agoMs: [20_000, 10_000, 0],
  registerWh: [100, 101, 102],
  currentMa: null,
  powerW: 7000,
  temperatureDc: [300, null, 302],
  ...change,
});
const taken = (seq: number, count: number, ...own: SampleSeries[]): RecordEnvelope => ({
  seq,
  at,
  body: { kind: 'samples.taken', count, series: own },
});
const lost = (seq: number, count: number, change: object = {}): RecordEnvelope => ({
  seq,
  at,
  body: { kind: 'samples.lost', count, reason: 'dropped', samples: count, fromWallMs: null, toWallMs: 5, ...change },
});
const other = series({ connectorId: 'B1', seqAgo: [3, 1], agoMs: [20_000, 10_000], registerWh: 9, temperatureDc: 1 });

test('SY-02 a run of samples is stored with times and numbers of its own', () => {
  const plan = planSamples([taken(5, 5, series(), other)], 0);
  expect(plan).toMatchObject({ ackedSeq: 5, losses: [], refused: [], missingBeforeSeq: null });
  expect(plan.series).toMatchObject([
    { connectorId: 'A1', firstSeq: 1, lastSeq: 5, fromMs: 980_000, untilMs: 1_000_000, untilMonoMs: 50_000 },
    { connectorId: 'B1', firstSeq: 2, lastSeq: 4, fromMs: 980_000, untilMs: 990_000, untilMonoMs: 40_000 },
  ]);
  expect(plan.series[1]?.columns).toEqual({
    seqAgo: [2, 0],
    agoMs: [10_000, 0],
    registerWh: 9,
    currentMa: null,
    powerW: 7000,
    temperatureDc: 1,
  });
});

test('SY-02 samples that are here already are cut off, whatever record they come in', () => {
  const plan = planSamples([taken(5, 5, series(), other)], 3);
  expect(plan.ackedSeq).toBe(5);
  expect(plan.series.map(({ firstSeq, lastSeq, columns }) => [firstSeq, lastSeq, columns])).toEqual([
    [5, 5, { seqAgo: [0], agoMs: [0], registerWh: [102], currentMa: null, powerW: 7000, temperatureDc: [302] }],
    [4, 4, { seqAgo: [0], agoMs: [0], registerWh: 9, currentMa: null, powerW: 7000, temperatureDc: 1 }],
  ]);
  expect(plan.losses).toEqual([]);
  expect(planSamples([taken(5, 5, series(), other)], 5)).toMatchObject({ ackedSeq: 5, series: [], losses: [] });
  expect(planSamples([taken(5, 5, series())], 7).ackedSeq).toBe(7);
});

test('SY-02 numbers without a sample are told as thinned, those that are here already not again', () => {
  expect(planSamples([taken(25, 25, series(), other)], 0).losses).toEqual([
    { firstSeq: 1, lastSeq: 25, reason: 'thinned', samples: 20, fromMs: 980_000, untilMs: 1_000_000 },
  ]);
  expect(planSamples([taken(25, 25, series(), other)], 10).losses).toMatchObject([{ firstSeq: 11, samples: 10 }]);
});

test('SY-02 behind a hole nothing is taken', () => {
  const plan = planSamples([taken(5, 5, series(), other), taken(12, 5, series())], 0);
  expect(plan).toMatchObject({ ackedSeq: 5, missingBeforeSeq: 12 });
  expect(plan.series).toHaveLength(2);
  expect(planSamples([lost(9, 3)], 5)).toMatchObject({ ackedSeq: 5, losses: [], missingBeforeSeq: 9 });
});

test('SY-02 what the site has lost is kept from where the cloud is', () => {
  expect(planSamples([lost(9, 9, { reason: 'not-taken', samples: null })], 5)).toMatchObject({
    ackedSeq: 9,
    losses: [{ firstSeq: 6, lastSeq: 9, reason: 'not-taken', samples: null, fromMs: null, untilMs: 5 }],
  });
});

test.each([
  ['columns of different lengths', series({ powerW: [1, 2] })],
  ['samples out of order', series({ seqAgo: [0, 2, 4] })],
  ['a number that is not its own', series({ seqAgo: [9, 2, 0] })],
  ['a status that nobody knows', series({ status: 'melting' as never })],
])('SY-02 a record with %s is refused, and the stream goes on', (_what, broken) => {
  const plan = planSamples([taken(5, 5, broken), taken(10, 5, series(), other)], 0);
  expect(plan.refused.map(({ record }) => record.seq)).toEqual([5]);
  expect(plan.losses).toMatchObject([{ firstSeq: 1, lastSeq: 5, reason: 'refused', samples: null }]);
  expect(plan).toMatchObject({ ackedSeq: 10, missingBeforeSeq: null });
  expect(plan.series).toHaveLength(2);
});
