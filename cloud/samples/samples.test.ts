import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { RecordEnvelope } from '#shared/wire/messages.ts';
import type { SampleSeries } from '#shared/wire/samples.ts';
import { systemRandom } from '../random.ts';
import { connectFakeEdge, type FakeEdge } from '../testing/fake-edge.ts';
import { type Stage, setTheStage } from '../testing/fixtures.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { forgetSamples } from './forget-samples.ts';

const DAY_MS = 86_400_000;
const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;
let edge: FakeEdge;
let runs = 0;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());
afterEach(() => edge?.close());

async function setUp(): Promise<void> {
  runs += 1;
  stage = await setTheStage(cloud, { name: `samples${runs}`, connectors: 2 });
  edge = await connectFakeEdge(cloud.brokerUrl, stage, clock);
}

/** Samples of the first connector under odd numbers and of the second under even ones, one a second, up to `seq`. */
function taken(seq: number, count: number, change: Partial<SampleSeries> = {}): RecordEnvelope {
  const own = (parity: number): SampleSeries => {
    const seqs = Array.from({ length: count }, (_, i) => seq - count + 1 + i).filter((n) => n % 2 === parity);
    return {
      connectorId: stage.connectorIds[parity === 1 ? 0 : 1] ?? '',
      status: 'charging',
      sessionId: null,
      seqAgo: seqs.map((n) => seq - n),
      agoMs: seqs.map((n) => (seq - n) * 1000),
      registerWh: seqs,
      currentMa: null,
      powerW: 7000,
      temperatureDc: seqs.map((n) => (n % 4 === 1 ? null : n)),
      ...change,
    };
  };
  const series = [own(1), own(0)].filter(({ seqAgo }) => seqAgo.length > 0);
  return { seq, at: edge.stamp(clock.wallMs() + seq * 1000), body: { kind: 'samples.taken', count, series } };
}
const lost = (seq: number, count: number, change: object = {}): RecordEnvelope => ({
  seq,
  at: edge.stamp(),
  body: {
    kind: 'samples.lost',
    count,
    reason: 'not-taken',
    samples: 12,
    fromWallMs: clock.wallMs(),
    toWallMs: clock.wallMs() + 1000,
    ...change,
  },
});

async function read(query: Record<string, string | number> = {}, connectorId = stage.connectorIds[0]) {
  const range = {
    from: new Date(clock.wallMs() - DAY_MS).toISOString(),
    to: new Date(clock.wallMs() + DAY_MS).toISOString(),
  };
  const search = new URLSearchParams(range);
  for (const [key, value] of Object.entries(query)) search.set(key, String(value));
  const response = await cloud.app.inject({
    url: `/staff/v1/connectors/${connectorId}/samples?${search}`,
    headers: { authorization: `Bearer ${cloud.staffToken}` },
  });
  return { status: response.statusCode, body: response.json() };
}
const seqsOf = (page: { body: { samples: { seq: number }[] } }) => page.body.samples.map(({ seq }) => seq);
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const odd = (last: number, first = 1) => upTo(last, first).filter((n) => n % 2 === 1);

test('SY-02 samples come back as they were taken, and null is still null', async () => {
  await setUp();
  expect(await edge.batch([taken(6, 6)], 'samples')).toMatchObject({ ackedSeq: 6, refused: [], stream: 'samples' });
  const { body } = await read();
  expect(body.samples).toEqual(
    [1, 3, 5].map((seq) => ({
      at: new Date(clock.wallMs() + seq * 1000).toISOString(),
      clock: 'trusted',
      store_epoch: edge.storeEpoch,
      seq,
      status: 'charging',
      session_id: null,
      register_wh: seq,
      current_ma: null,
      power_w: 7000,
      temperature_dc: seq % 4 === 1 ? null : seq,
    })),
  );
  expect(body).toMatchObject({ losses: [], next_cursor: null });
});

test('SY-01 SY-02 the same samples again, cut into other records, are stored once', async () => {
  await setUp();
  expect(await edge.batch([taken(10, 10), taken(20, 10)], 'samples')).toMatchObject({ ackedSeq: 20 });
  expect(await edge.batch([taken(10, 10), taken(20, 10)], 'samples')).toMatchObject({ ackedSeq: 20 });
  expect(await edge.batch([taken(15, 10), taken(33, 18)], 'samples')).toMatchObject({ ackedSeq: 33 });
  expect(await edge.batch([taken(4, 4)], 'samples')).toMatchObject({ ackedSeq: 33 });
  expect(seqsOf(await read())).toEqual(odd(33));
  expect(seqsOf(await read({}, stage.connectorIds[1]))).toEqual(upTo(33).filter((n) => n % 2 === 0));
});

test('SY-02 the same batch twenty times at once has one effect', async () => {
  await setUp();
  await Promise.all(Array.from({ length: 20 }, () => edge.batch([taken(10, 10), lost(12, 2)], 'samples')));
  const { body } = await read();
  expect(seqsOf({ body })).toEqual(odd(10));
  expect(body.losses).toHaveLength(1);
});

test('SY-01 SY-02 streams are numbered each by itself, and so are stores', async () => {
  await setUp();
  expect(await edge.batch([taken(4, 4)], 'samples')).toMatchObject({ ackedSeq: 4 });
  const alarm = { kind: 'alarm.raised', alarmId: systemRandom.uuid(), code: 'over-temperature', severity: 'warning' };
  const body = { ...alarm, pileId: 'p', connectorId: stage.connectorIds[0], sessionId: null, detail: 'x' };
  expect(await edge.record(body)).toMatchObject({ ackedSeq: 1, stream: 'events' });
  const other = await connectFakeEdge(cloud.brokerUrl, stage, clock);
  expect(await other.batch([taken(2, 2)], 'samples')).toMatchObject({ ackedSeq: 2 });
  await other.close();
  expect(seqsOf(await read()).sort((a, b) => a - b)).toEqual([1, 1, 3]);
});

test('SY-02 what the site has not kept is on record, and nothing is taken behind a hole', async () => {
  await setUp();
  expect(await edge.batch([lost(40, 40), taken(60, 20), taken(90, 10)], 'samples')).toMatchObject({ ackedSeq: 60 });
  expect(
    await edge.batch(
      [lost(61, 1, { reason: 'interrupted', samples: null, fromWallMs: null, toWallMs: null })],
      'samples',
    ),
  ).toMatchObject({ ackedSeq: 61 });
  const thinned = taken(90, 29);
  const [first] = thinned.body.series as SampleSeries[];
  await edge.batch([{ ...thinned, body: { ...thinned.body, series: [first] } }], 'samples');
  const { body } = await read();
  expect(body.losses.map(({ reason, samples }: { reason: string; samples: number }) => [reason, samples])).toEqual([
    ['not-taken', 12],
    ['interrupted', null],
    ['thinned', 15],
  ]);
  expect(seqsOf({ body })).toEqual([...odd(60, 41), ...odd(90, 62)]);
});

test('XC-05 SY-02 a record that cannot be read is a dead letter, and the stream goes on', async () => {
  await setUp();
  const broken = taken(10, 10, { powerW: [1, 2, 3] });
  const ack = await edge.batch([taken(4, 4), broken, taken(20, 10)].toSpliced(1, 1, { ...broken, seq: 10 }), 'samples');
  expect(ack).toMatchObject({ ackedSeq: 20, refused: [{ seq: 10, code: 'wire.schema' }] });
  const { body } = await read();
  expect(seqsOf({ body })).toEqual([...odd(4), ...odd(20, 11)]);
  expect(body.losses).toMatchObject([{ reason: 'refused', samples: null }]);
  const letters = await cloud.context.db
    .selectFrom('dead_letters')
    .select(['seq', 'stream', 'code'])
    .where('site_id', '=', stage.siteId)
    .execute();
  expect(letters).toEqual([{ seq: 10, stream: 'samples', code: 'wire.schema' }]);
});

test('SY-02 pages follow each other without a gap and without a repeat, within the range that was asked for', async () => {
  await setUp();
  const records = upTo(20).map((n) => taken(n * 10, 10));
  expect(await edge.batch(records, 'samples')).toMatchObject({ ackedSeq: 200 });
  const range = {
    from: new Date(clock.wallMs() + 33_000).toISOString(),
    to: new Date(clock.wallMs() + 177_000).toISOString(),
    limit: 12,
  };
  const seen: number[] = [];
  const sizes: number[] = [];
  let cursor: string | null = null;
  do {
    const page = await read({ ...range, ...(cursor === null ? {} : { cursor }) });
    seen.push(...seqsOf(page));
    sizes.push(seqsOf(page).length);
    cursor = page.body.next_cursor;
  } while (cursor !== null);
  expect(seen).toEqual(odd(176, 33));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(12 + 5);
  expect(sizes.length).toBeGreaterThan(4);
});

test('SY-02 samples cost a row for a run of them, and none for a record', async () => {
  await setUp();
  const records = upTo(50).map((n) => taken(n * 100, 100));
  await edge.batch(records, 'samples');
  const rows = await cloud.context.db
    .selectFrom('sample_series')
    .select('first_seq')
    .where('site_id', '=', stage.siteId)
    .execute();
  expect(rows).toHaveLength(100);
  expect(
    await cloud.context.db.selectFrom('site_records').select('seq').where('site_id', '=', stage.siteId).execute(),
  ).toEqual([]);
});

test('ED-12 SY-02 samples of a boot whose clock is corrected later show the true time, whichever comes first', async () => {
  await setUp();
  const untrusted = (record: RecordEnvelope): RecordEnvelope => ({
    ...record,
    at: { ...record.at, wallMs: 5000, monoMs: 700_000, clock: 'none' },
  });
  await edge.batch([untrusted(taken(2, 2))], 'samples');
  const offsetMs = clock.wallMs() - 700_000;
  const corrected = { kind: 'clock.corrected', bootId: edge.bootId, offsetMs, correctionMs: offsetMs - 5000 };
  await edge.record({ ...corrected, quality: 'trusted' });
  await edge.batch([untrusted(taken(4, 2))], 'samples');
  const { body } = await read();
  expect(body.samples.map(({ seq, at, clock: quality }: Record<string, unknown>) => [seq, at, quality])).toEqual([
    [1, new Date(clock.wallMs() - 1000).toISOString(), 'trusted'],
    [3, new Date(clock.wallMs() - 1000).toISOString(), 'trusted'],
  ]);
});

test('SY-02 a site tells samples of its own connectors alone', async () => {
  await setUp();
  const mine = stage.connectorIds[0];
  const otherStage = await setTheStage(cloud, { name: `samples${runs}x` });
  const other = await connectFakeEdge(cloud.brokerUrl, otherStage, clock);
  await other.batch([taken(2, 2)], 'samples');
  await other.close();
  expect(seqsOf(await read({}, mine))).toEqual([]);
});

test('XC-08 the route refuses what it cannot mean', async () => {
  await setUp();
  expect((await read({}, 'nobody')).status).toBe(404);
  expect((await read({ from: 'yesterday' })).status).toBe(400);
  expect((await read({ cursor: 'x' })).status).toBe(400);
  expect((await cloud.app.inject({ url: `/staff/v1/connectors/${stage.connectorIds[0]}/samples` })).statusCode).toBe(
    401,
  );
});

test('SY-02 samples are forgotten by when they came, whatever the clock of their site said', async () => {
  await setUp();
  const told = (record: RecordEnvelope, wallMs: number) => ({ ...record, at: { ...record.at, wallMs } });
  const firstMs = clock.wallMs();
  await edge.batch([told(taken(10, 10), firstMs + 5 * DAY_MS), lost(11, 1)], 'samples');
  clock.advance(2 * DAY_MS);
  await edge.batch([told(taken(21, 10), firstMs - 5 * DAY_MS)], 'samples');
  await forgetSamples(cloud.context.db, clock.wallMs() - DAY_MS);
  const always = {
    from: new Date(firstMs - 9 * DAY_MS).toISOString(),
    to: new Date(firstMs + 9 * DAY_MS).toISOString(),
  };
  const { body } = await read(always);
  expect(seqsOf({ body })).toEqual(odd(21, 12));
  expect(body.losses).toEqual([]);
  expect(await edge.batch([taken(21, 21)], 'samples')).toMatchObject({ ackedSeq: 21 });
  expect(seqsOf(await read(always))).toEqual(odd(21, 12));
});
