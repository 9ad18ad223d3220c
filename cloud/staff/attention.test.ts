import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemRandom } from '../random.ts';
import { type Stage, setTheStage } from '../testing/fixtures.ts';
import { StaffPerson } from '../testing/staff-person.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

const MOST_AT_ONCE = 500;
const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;
let owner: StaffPerson;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  stage = await setTheStage(cloud, { name: 'attention' });
  owner = await StaffPerson.firstOwner(cloud, clock, 'li-na');
});
afterAll(() => cloud?.stop());

/** What a list has, page by page, as long as there is more. */
async function all(path: string, key: string, idKey: string): Promise<number[]> {
  const ids: number[] = [];
  for (let query = ''; ; query = `&before=${ids.at(-1)}`) {
    const { status, body } = await owner.ask('GET', `/${path}?limit=${MOST_AT_ONCE}${query}`);
    expect(status).toBe(200);
    ids.push(...body[key].map((row: Record<string, number>) => row[idKey]));
    if (body[key].length < MOST_AT_ONCE) return ids;
  }
}

test('XC-05 the oldest of more dead letters than one page holds is seen as well', async () => {
  const letter = { source: 'message', code: 'c', reason: 'r', payload: '{}', received_at_ms: clock.wallMs() } as const;
  const count = MOST_AT_ONCE + 1;
  await cloud.context.db
    .insertInto('dead_letters')
    .values(Array.from({ length: count }, (_, n) => ({ ...letter, payload_sha256: String(n) })))
    .execute();
  const ids = await all('dead-letters', 'dead_letters', 'dead_letter_id');
  expect([ids.length, new Set(ids).size]).toEqual([count, count]);
});

test('XC-05 the oldest of more exceptions than one page holds is seen as well', async () => {
  const { siteId, connectorIds } = stage;
  const orderId = systemRandom.uuid();
  const nowMs = clock.wallMs();
  const place = { site_id: siteId, pile_id: 'p', connector_id: connectorIds[0] ?? '' };
  const times = { created_at_ms: nowMs, updated_at_ms: nowMs };
  await cloud.context.db
    .insertInto('orders')
    .values({ ...place, ...times, order_id: orderId, origin: 'local', environment: 'sandbox', state: 'abnormal' })
    .execute();
  const count = MOST_AT_ONCE + 1;
  const exception = { order_id: orderId, cdr_id: null, code: 'c', detail: 'd', created_at_ms: nowMs };
  await cloud.context.db
    .insertInto('exceptions')
    .values(Array.from({ length: count }, () => ({ ...exception, resolved_at_ms: null })))
    .execute();
  const ids = await all('exceptions', 'exceptions', 'exception_id');
  expect([ids.length, new Set(ids).size]).toEqual([count, count]);
});
