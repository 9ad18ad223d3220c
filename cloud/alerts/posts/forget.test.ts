import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Db } from '../../db/connect.ts';
import { systemRandom } from '../../random.ts';
import { openTestDatabase } from '../../testing/test-database.ts';
import type { AlertPostRow } from '../tables.ts';
import { forgetPosts } from './forget.ts';

let db: Db;

beforeAll(async () => {
  db = await openTestDatabase();
  const channel = { channel_id: 'c', kind: 'mail', name: 'n', language: 'en', settings: '{}' } as const;
  await db
    .insertInto('alert_channels')
    .values({ ...channel, secret_sealed: '', created_at_ms: 0 })
    .execute();
});
afterAll(() => db?.destroy());

async function newAlert(closedAtMs: number | null): Promise<string> {
  const alertId = systemRandom.uuid();
  await db
    .insertInto('alerts')
    .values({
      alert_id: alertId,
      alert_key: alertId,
      code: 'c',
      level: 'warning',
      level_rank: 1,
      subject_kind: 'platform',
      subject_id: 'cloud',
      detail: 'd',
      alarm_count: 1,
      first_raised_at_ms: 0,
      last_raised_at_ms: 0,
      opened_at_ms: 0,
      counted_at_ms: 0,
      escalate_from_ms: 0,
      closed_at_ms: closedAtMs,
      close_reason: closedAtMs === null ? null : 'over',
    })
    .execute();
  return alertId;
}

async function newPost(postId: string, atMs: number, status: AlertPostRow['status'], alertIds: readonly string[]) {
  const post = { post_id: postId, channel_id: 'c', kind: 'alert', payload: '[]', status } as const;
  await db
    .insertInto('alert_posts')
    .values({ ...post, next_attempt_at_ms: atMs, created_at_ms: atMs })
    .execute();
  for (const alertId of alertIds) await newTelling(alertId, atMs, postId);
}

const newTelling = (alertId: string, atMs: number, postId: string | null) =>
  db
    .insertInto('alert_tellings')
    .values({
      alert_id: alertId,
      run: 0,
      tick: 0,
      channel_id: 'c',
      document: '{}',
      created_at_ms: atMs,
      post_id: postId,
      cancelled_at_ms: postId === null ? atMs : null,
    })
    .execute();

test('XC-02 old messages and who was told by them are forgotten; of open alerts, and unsent, they stay', async () => {
  const [open, over, alsoOver, pending, cancelled, recent] = [
    await newAlert(null),
    await newAlert(50),
    await newAlert(50),
    await newAlert(50),
    await newAlert(50),
    await newAlert(250),
  ];
  await newPost('test', 90, 'delivered', []);
  await newPost('test-pending', 90, 'pending', []);
  await newPost('test-recent', 100, 'delivered', []);
  await newPost('over', 90, 'delivered', [over]);
  await newPost('together', 90, 'failed', [open, alsoOver]);
  await newPost('pending', 90, 'pending', [pending]);
  await newTelling(cancelled, 90, null);
  await newPost('recent', 100, 'delivered', [recent]);
  await forgetPosts(db, 100);
  const posts = await db.selectFrom('alert_posts').select('post_id').orderBy('post_id').execute();
  expect(posts.map((row) => row.post_id)).toEqual(['pending', 'recent', 'test-pending', 'test-recent', 'together']);
  const told = await db.selectFrom('alert_tellings').select('alert_id').orderBy('telling_id').execute();
  expect(told.map((row) => row.alert_id)).toEqual([open, pending, recent]);
  expect(await db.selectFrom('alerts').select('alert_id').execute()).toHaveLength(6);
});
