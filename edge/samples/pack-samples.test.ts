import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_RECORD_SPAN_MS, MAX_SAMPLES_A_RECORD, samplesBodySchema } from '#shared/wire/samples.ts';
import { uuid } from '../control/testing.ts';
import { at } from '../ledger/testing.ts';
import { type NumberedSample, packSamples, type ToTell } from './pack-samples.ts';
import type { Sample } from './sampler.ts';
import type { Untaken } from './tombstones.ts';

const sample = (change: Partial<Sample> = {}): Sample => ({
  connectorId: 'P1-1',
  at,
  status: 'charging',
  registerWh: 50_000,
  currentMa: 16_000,
  powerW: 11_000,
  temperatureDc: 312,
  sessionId: uuid(1),
  ...change,
});
const later = (ms: number) => ({ ...at, wallMs: at.wallMs + ms, monoMs: at.monoMs + ms });
const stone = (seq: number, change: Partial<Untaken> = {}): Untaken => ({
  reason: 'not-taken',
  fromWallMs: 1,
  toWallMs: 2,
  count: 60,
  seq,
  numbers: 1,
  ...change,
});
const pack = (told: Partial<ToTell>) =>
  packSamples({ afterSeq: 0, samples: [], untaken: [], droppedThroughSeq: 0, now: later(99_000), ...told });

test('SY-02 samples of one connector are columns; what all of them have in common is said once, and null stays null', () => {
  const samples = [
    { seq: 1, sample: sample({ registerWh: 50_000, temperatureDc: null }) },
    { seq: 2, sample: sample({ connectorId: 'P2-1', status: 'available', sessionId: null, powerW: 0 }) },
    { seq: 3, sample: sample({ registerWh: 50_007, temperatureDc: null, currentMa: null, at: later(10_000) }) },
  ];
  expect(pack({ samples })).toEqual([
    {
      seq: 3,
      at: later(10_000),
      body: {
        kind: 'samples.taken',
        count: 3,
        series: [
          {
            connectorId: 'P1-1',
            status: 'charging',
            sessionId: uuid(1),
            seqAgo: [2, 0],
            agoMs: [10_000, 0],
            registerWh: [50_000, 50_007],
            currentMa: [16_000, null],
            powerW: 11_000,
            temperatureDc: null,
          },
          {
            connectorId: 'P2-1',
            status: 'available',
            sessionId: null,
            seqAgo: [1],
            agoMs: [10_000],
            registerWh: 50_000,
            currentMa: 16_000,
            powerW: 0,
            temperatureDc: 312,
          },
        ],
      },
    },
  ]);
});

test('SY-02 a change of status begins another run, so that a connector is told in the order of time', () => {
  const samples = (['charging', 'faulted', 'charging'] as const).map((status, i) => ({
    seq: i + 1,
    sample: sample({ status, at: later(i) }),
  }));
  const [record] = pack({ samples });
  expect(record?.body).toMatchObject({
    series: [{ status: 'charging' }, { status: 'faulted' }, { status: 'charging' }],
  });
});

test('SY-02 what is missing is told where it was: dropped, thinned, not taken, and after a power cut', () => {
  const samples = [11, 14, 21, 1_000_030].map((seq) => ({ seq, sample: sample({ at: later(seq) }) }));
  const untaken = [stone(20), stone(1_000_029, { reason: 'interrupted', count: null, numbers: 1_000_000 })];
  const records = pack({ afterSeq: 4, samples, untaken, droppedThroughSeq: 10 });
  expect(records.map(({ seq, body }) => [seq, body.kind, body.count, body.reason, body.samples])).toEqual([
    [10, 'samples.lost', 6, 'dropped', 6],
    [14, 'samples.taken', 4, undefined, undefined],
    [20, 'samples.lost', 6, 'not-taken', 60],
    [21, 'samples.taken', 1, undefined, undefined],
    [1_000_029, 'samples.lost', 1_000_008, 'interrupted', null],
    [1_000_030, 'samples.taken', 1, undefined, undefined],
  ]);
});

test('SY-02 samples that are gone up to the last number are told as well', () => {
  const records = pack({ afterSeq: 4, untaken: [stone(9)], droppedThroughSeq: 7 });
  expect(records.map(({ seq, body }) => [seq, body.count, body.reason])).toEqual([
    [7, 3, 'dropped'],
    [9, 2, 'not-taken'],
  ]);
});

test.each([
  ['another boot', { ...later(1), bootId: uuid(901) }],
  ['a better clock', { ...later(1), clock: 'doubtful' as const }],
  ['a corrected clock', { ...later(1), wallMs: at.wallMs + 5000 }],
  ['more than an hour', later(MAX_RECORD_SPAN_MS + 1)],
])('SY-02 %s begins another record: one stamp stands for all of its samples', (_what, second) => {
  const samples = [
    { seq: 1, sample: sample() },
    { seq: 2, sample: sample({ at: second }) },
  ];
  expect(pack({ samples }).map(({ seq, at: stamp }) => [seq, stamp])).toEqual([
    [1, at],
    [2, second],
  ]);
});

test('SY-02 a record holds a thousand samples at most', () => {
  const samples = Array.from({ length: 2001 }, (_, i) => ({ seq: i + 1, sample: sample({ at: later(i) }) }));
  expect(pack({ samples }).map(({ seq }) => seq)).toEqual([MAX_SAMPLES_A_RECORD, 2 * MAX_SAMPLES_A_RECORD, 2001]);
});

const samplesArbitrary = fc
  .array(
    fc.record({
      skip: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.integer({ min: 2, max: 9 })),
      stone: fc.boolean(),
      connector: fc.integer({ min: 0, max: 3 }),
      status: fc.constantFrom('charging' as const, 'faulted' as const),
      value: fc.option(fc.integer({ min: 0, max: 3 })),
      afterMs: fc.integer({ min: 0, max: MAX_RECORD_SPAN_MS }),
      boot: fc.integer({ min: 0, max: 1 }),
      session: fc.constantFrom(null, uuid(1), uuid(2)),
    }),
    { maxLength: 60 },
  )
  .map((steps) => {
    let [seq, ms] = [0, 0];
    const samples: NumberedSample[] = [];
    const untaken: Untaken[] = [];
    for (const { skip, stone: isStone, connector, status, value, afterMs, boot, session } of steps) {
      seq += skip;
      ms += afterMs;
      if (isStone) untaken.push(stone(seq));
      else {
        const own = { connectorId: `C${connector}`, status, registerWh: value, powerW: value, sessionId: session };
        samples.push({ seq, sample: sample({ ...own, at: { ...later(ms), bootId: uuid(900 + boot) } }) });
      }
    }
    return { samples, untaken };
  });

test('SY-02 whatever was taken and lost: no number is left out or told twice, and every sample comes out as it went in', () => {
  fc.assert(
    fc.property(samplesArbitrary, fc.nat(30), ({ samples, untaken }, droppedThroughSeq) => {
      const kept = samples.filter(({ seq }) => seq > droppedThroughSeq);
      const records = pack({ samples: kept, untaken, droppedThroughSeq });
      let told = 0;
      const unpacked: NumberedSample[] = [];
      for (const { seq, at: stamp, body } of records) {
        const parsed = samplesBodySchema.parse(JSON.parse(JSON.stringify(body)));
        expect(seq - parsed.count).toBe(told);
        told = seq;
        if (parsed.kind === 'samples.lost') continue;
        for (const { seqAgo, agoMs, connectorId, status, sessionId, registerWh } of parsed.series)
          for (const [i, ago] of seqAgo.entries()) {
            const value = Array.isArray(registerWh) ? (registerWh[i] ?? null) : registerWh;
            const { wallMs, monoMs } = stamp;
            const taken = { ...stamp, wallMs: wallMs - (agoMs[i] ?? 0), monoMs: monoMs - (agoMs[i] ?? 0) };
            const own = { connectorId, status, sessionId, registerWh: value, powerW: value };
            unpacked.push({ seq: seq - ago, sample: sample({ ...own, at: taken }) });
          }
      }
      expect(unpacked.sort((a, b) => a.seq - b.seq)).toEqual(kept);
      expect(records.filter(({ body }) => body.reason === 'not-taken').map(({ seq }) => seq)).toEqual(
        untaken.map(({ seq }) => seq),
      );
    }),
    { numRuns: 300 },
  );
});
