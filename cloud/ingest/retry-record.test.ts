import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { RecordEnvelope } from '#shared/wire/messages.ts';
import { systemRandom } from '../random.ts';
import { connectFakeEdge, type FakeEdge } from '../testing/fake-edge.ts';
import { type Stage, setTheStage } from '../testing/fixtures.ts';
import { ended } from '../testing/records.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

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

/** A connector that stands on site, and that the cloud has not been told of. */
const unknown = () => `retry${runs}-c9`;

async function setUp(): Promise<void> {
  runs += 1;
  stage = await setTheStage(cloud, { name: `retry${runs}` });
  edge = await connectFakeEdge(cloud.brokerUrl, stage, clock);
}

const repair = () =>
  cloud.context.db
    .insertInto('connectors')
    .values({ connector_id: unknown(), site_id: stage.siteId, pile_id: 'p9', model: 'm', max_power_w: 7_000 })
    .execute();

function charge(sessionId: string): [RecordEnvelope['body'], RecordEnvelope['body']] {
  const begin = {
    kind: 'session.started',
    sessionId,
    pileId: 'p9',
    connectorId: unknown(),
    orderId: null,
    commandId: null,
    startedAt: edge.stamp(),
    meterStartWh: 1_000,
    limitMa: 16_000,
  };
  const end = ended(edge, stage, { sessionId, orderId: null, connectorId: unknown(), startMs: clock.wallMs() });
  return [begin, end];
}

async function staff(method: 'GET' | 'POST', path: string, body?: object) {
  const response = await cloud.app.inject({
    method,
    url: `/staff/v1/dead-letters${path}`,
    headers: { authorization: `Bearer ${cloud.staffToken}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  return { status: response.statusCode, body: response.json() };
}
const retry = (id: number | undefined) => staff('POST', `/${id}/retry`, { retried_by: 'li' });

interface LetterView {
  readonly dead_letter_id: number;
  readonly site_id: string;
  readonly seq: number;
  readonly code: string;
  readonly reason: string;
}
/** Those of this site that wait, in the order of their records. */
async function waiting(): Promise<LetterView[]> {
  const { dead_letters: letters } = (await staff('GET', '')).body as { dead_letters: LetterView[] };
  return letters.filter(({ site_id }) => site_id === stage.siteId).sort((a, b) => a.seq - b.seq);
}
const idOf = async (seq: number) => (await waiting()).find((letter) => letter.seq === seq)?.dead_letter_id;

const orders = () =>
  cloud.context.db
    .selectFrom('orders')
    .select(['session_id', 'state', 'energy_wh'])
    .where('site_id', '=', stage.siteId)
    .execute();

test('SY-01 XC-05 after a repair a refused charge is applied, its begin before its end, once', async () => {
  await setUp();
  const sessionId = systemRandom.uuid();
  const [begin, end] = charge(sessionId);
  await edge.record(begin);
  expect((await edge.record(end)).refused).toMatchObject([{ seq: 2, code: 'record.refused' }]);
  const last = await idOf(2);
  await repair();
  const { status, body } = await retry(last);
  expect([status, body.records]).toMatchObject([
    200,
    [
      { seq: 1, applied: true },
      { seq: 2, applied: true, code: null },
    ],
  ]);
  expect(await orders()).toEqual([{ session_id: sessionId, state: expect.any(String), energy_wh: 7_000 }]);
  expect(await waiting()).toEqual([]);
  expect((await retry(last)).status).toBe(404);
  const settled = await cloud.context.db
    .selectFrom('dead_letters')
    .select(['settled_by', 'settled_at_ms'])
    .where('site_id', '=', stage.siteId)
    .execute();
  expect(settled).toEqual(Array.from({ length: 2 }, () => ({ settled_by: 'li', settled_at_ms: clock.wallMs() })));
});

test('SY-01 a record that was applied after all is no refusal any more when the site sends it again', async () => {
  await setUp();
  const record = { seq: 1, at: edge.stamp(), body: charge(systemRandom.uuid())[1] };
  expect((await edge.batch([record])).refused).toHaveLength(1);
  await repair();
  await retry(await idOf(1));
  expect(await edge.batch([record])).toMatchObject({ ackedSeq: 1, refused: [] });
  expect(await orders()).toHaveLength(1);
});

test('SY-01 without a repair it stays where it is, and what comes after it in its session is not tried', async () => {
  await setUp();
  const [begin, end] = charge(systemRandom.uuid());
  await edge.record(begin);
  await edge.record(end);
  const before = await waiting();
  const { body } = await retry(before[1]?.dead_letter_id);
  expect(body.records).toMatchObject([{ seq: 1, applied: false, code: 'record.refused' }]);
  expect(await waiting()).toEqual(before);
  expect(await orders()).toEqual([]);
});

test('SY-01 other sessions are left alone', async () => {
  await setUp();
  await edge.record(charge(systemRandom.uuid())[0]);
  await edge.record(charge(systemRandom.uuid())[0]);
  await repair();
  expect((await retry(await idOf(2))).body.records).toMatchObject([{ seq: 2, applied: true }]);
  expect((await waiting()).map(({ seq }) => seq)).toEqual([1]);
});

test('SY-01 two of the staff at once apply it once', async () => {
  await setUp();
  await edge.record(charge(systemRandom.uuid())[0]);
  const id = await idOf(1);
  await repair();
  const answers = await Promise.all([retry(id), retry(id), retry(id)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404]);
  expect(await orders()).toHaveLength(1);
});

test('SY-03.b another record under a known number cannot be applied in its place', async () => {
  await setUp();
  const at = edge.stamp();
  await repair();
  await edge.batch([{ seq: 1, at, body: charge(systemRandom.uuid())[0] }]);
  await edge.batch([{ seq: 1, at, body: charge(systemRandom.uuid())[0] }]);
  const { body } = await retry(await idOf(1));
  expect(body.records).toMatchObject([{ seq: 1, applied: false, code: 'wire.conflict' }]);
  expect(await orders()).toHaveLength(1);
});

test('XC-08 a message that could not be read is no record: there is nothing to apply', async () => {
  await setUp();
  await edge.publish('batch', 'no json');
  await edge.take('nack');
  const [letter] = await waiting();
  expect((await retry(letter?.dead_letter_id)).status).toBe(404);
  expect((await retry(999_999)).status).toBe(404);
  expect((await staff('POST', `/${letter?.dead_letter_id}/retry`, {})).status).toBe(400);
});
