import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { acknowledgeAlarm, closeAlarm } from '../alarms/handle-alarm.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { createSecretBox } from '../keys/seal.ts';
import { systemRandom } from '../random.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { openTestDatabase } from '../testing/test-database.ts';
import { createChannel, takeChannelOut } from './channels/channels.ts';
import { escalateDue } from './escalate.ts';
import type { ClaimedPost } from './posts/claim.ts';
import { endChannel, recordPostOutcome, tellOthers } from './posts/outcome.ts';
import { storePost, writePosts } from './posts/write-posts.ts';
import { putChain } from './settings.ts';
import { takeAlarms } from './take-alarms.ts';

const clock = createTestClock();
let db: Db;
let context: ReturnType<typeof contextOn>;

beforeAll(async () => {
  db = await openTestDatabase();
  context = contextOn(db);
  const from = { from: 'a@example.com', to: ['b@example.com'] };
  const settings = { kind: 'mail' as const, host: '127.0.0.1', port: 25, security: 'none' as const, ...from };
  for (const id of ['first', 'second'])
    await createChannel(context, { channel_id: id, name: id, language: 'en', settings });
});
afterAll(() => db.destroy());

const contextOn = (own: Db) => ({
  db: own,
  clock,
  random: systemRandom,
  logger: pino({ level: 'silent' }),
  secrets: createSecretBox(systemRandom.bytes(32), systemRandom.bytes),
  lookUp: () => Promise.resolve([]),
  wake: { commands: () => {}, deliveries: () => {}, alerts: () => {} },
  settings: { publicUrl: null, webhookDevAllow: [] } as unknown as CloudContext['settings'],
});

async function raise(code: string): Promise<string> {
  const alarmId = systemRandom.uuid();
  const at = { raised_at_ms: clock.wallMs(), received_at_ms: clock.wallMs() };
  await db
    .insertInto('alarms')
    .values({ alarm_id: alarmId, source: 'platform', code, severity: 'warning', detail: 'd', ...at })
    .execute();
  return alarmId;
}
const alertOf = (code: string) =>
  db.selectFrom('alerts').selectAll().where('code', '=', code).executeTakeFirstOrThrow();
/** So many wait for a lock of somebody else. */
const untilWaiting = (count: number) =>
  expect
    .poll(async () => {
      const { rows } = await sql<{ pid: number }>`select pid from pg_locks where not granted
        and pid in (select pid from pg_stat_activity where datname = current_database())`.execute(db);
      return rows.length;
    })
    .toBe(count);

test('XC-02 what only a channel was to tell that is taken out at that very moment is told by another', async () => {
  const steps = [{ after_min: 0, tell: [{ channel: 'first' }] }];
  await putChain(context, 'warning', { chain: { steps, repeat: null, quiet_hours: null }, by: 'li-na' });
  await raise('little');
  await takeAlarms(context, () => Promise.resolve());
  await db.updateTable('alerts').set({ site_id: 'EAST' }).where('code', '=', 'little').execute();
  const held = Promise.withResolvers<void>();
  const isHeld = Promise.withResolvers<void>();
  const holding = db.transaction().execute(async (trx) => {
    await sql`lock table sites in access exclusive mode`.execute(trx);
    isHeld.resolve();
    await held.promise;
  });
  await isHeld.promise;
  // It knows the channels by now, and asks for the site.
  const escalating = escalateDue(context);
  await untilWaiting(1);
  await takeChannelOut(context, 'first', { reason: 'a test', isDeleted: false });
  held.resolve();
  await Promise.all([holding, escalating]);
  for (let round = 0; round < 2; round += 1) {
    await writePosts(context);
    await escalateDue(context);
  }
  await writePosts(context);
  const posts = await db.selectFrom('alert_posts').select(['channel_id', 'status']).execute();
  expect(posts).toEqual([{ channel_id: 'second', status: 'pending' }]);
});

test.each(['acknowledge', 'close'] as const)(
  'XC-02 whoever comes to %s an alarm while it is made an alert of is at that alert',
  async (what) => {
    const code = `taken-${what}`;
    const alarmId = await raise(code);
    let done: Promise<unknown> = Promise.resolve();
    await takeAlarms(context, async () => {
      done =
        what === 'acknowledge'
          ? acknowledgeAlarm(context, alarmId, 'Li Na')
          : closeAlarm(context, alarmId, { by: 'Li Na', reason: 'r' });
      await untilWaiting(1);
    });
    await done;
    const by = what === 'acknowledge' ? { acknowledged_by: 'Li Na' } : { closed_by: 'Li Na' };
    expect(await alertOf(code)).toMatchObject({ ...by, next_tick_at_ms: null });
  },
);

test('XC-02 whoever was at an alarm before it came to its alert is at that alert', async () => {
  await raise('before');
  await takeAlarms(context, () => Promise.resolve());
  await acknowledgeAlarm(context, await raise('before'), 'Li Na');
  await takeAlarms(context, () => Promise.resolve());
  expect(await alertOf('before')).toMatchObject({ alarm_count: 2, acknowledged_by: 'Li Na', next_tick_at_ms: null });
});

test('XC-02 neither who takes a channel out nor who tells by it waits for the other in a circle', async () => {
  await putChain(context, 'warning', { chain: null, by: 'li-na' });
  await raise('circle');
  await takeAlarms(context, () => Promise.resolve());
  await escalateDue(context);
  const { alert_id: alertId } = await alertOf('circle');
  let out: Promise<unknown> = Promise.resolve();
  await transaction(db, async (trx) => {
    await trx.selectFrom('alerts').select('alert_id').where('alert_id', '=', alertId).forUpdate().execute();
    out = takeChannelOut(context, 'second', { reason: 'a test', isDeleted: false });
    await untilWaiting(1);
    await trx
      .insertInto('alert_tellings')
      .values({ alert_id: alertId, run: 9, tick: 1, channel_id: 'second', document: '{}', created_at_ms: 0 })
      .execute();
  });
  await out;
});

test('XC-02 neither who takes a channel out nor who has just sent by it waits for the other in a circle', async () => {
  const nowMs = clock.wallMs();
  await transaction(db, (trx) =>
    storePost(trx, { postId: 'msg_1', channelId: 'second', kind: 'test', facts: [], nowMs }),
  );
  const post = (await db
    .updateTable('alert_posts')
    .set({ leased_until_ms: nowMs + 1 })
    .where('post_id', '=', 'msg_1')
    .returningAll()
    .executeTakeFirstOrThrow()) as ClaimedPost;
  let sent: Promise<unknown> = Promise.resolve();
  await transaction(db, async (trx) => {
    await trx.updateTable('alert_channels').set({ name: 'n' }).where('channel_id', '=', 'second').execute();
    sent = recordPostOutcome(context, post, { kind: 'delivered' });
    await untilWaiting(1);
    await endChannel(trx, 'second', { disabled_at_ms: nowMs, disabled_reason: 'r' });
  });
  await sent;
});

test('XC-02 neither who begins chains anew nor who counts alarms waits for the other in a circle', async () => {
  await db.updateTable('alerts').set({ closed_at_ms: 1, close_reason: 'r', next_tick_at_ms: null }).execute();
  const post = { channelId: 'first', kind: 'alert' as const, facts: [], nowMs: clock.wallMs() };
  await transaction(db, (trx) => storePost(trx, { ...post, postId: 'msg_2' }));
  const codes = Array.from({ length: 20 }, (_, n) => `circle-${String.fromCodePoint(97 + n)}`);
  for (const code of codes.toReversed()) {
    await raise(code);
    await takeAlarms(context, () => Promise.resolve());
    const { alert_id: alertId } = await alertOf(code);
    const telling = { alert_id: alertId, run: 0, tick: 1, channel_id: 'first', document: '{}', created_at_ms: 0 };
    await db
      .insertInto('alert_tellings')
      .values({ ...telling, post_id: 'msg_2' })
      .execute();
  }
  const count = (trx: Trx, code: string) =>
    trx.updateTable('alerts').set({ alarm_count: 2 }).where('code', '=', code).execute();
  let others: Promise<unknown> = Promise.resolve();
  await transaction(db, async (trx) => {
    await count(trx, codes[0] ?? '');
    others = transaction(db, async (other) => {
      // As it is with many alerts: they are not found in the order of their keys.
      await sql`set local enable_indexscan = off`.execute(other);
      await sql`set local enable_bitmapscan = off`.execute(other);
      await tellOthers(other, 'first', clock.wallMs());
    });
    await untilWaiting(1);
    for (const code of codes) await count(trx, code);
  });
  await others;
  for (const code of codes) expect((await alertOf(code)).run).toBe(1);
});
