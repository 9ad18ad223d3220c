import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { CloudContext } from '../context.ts';
import { connect, type Db } from '../db/connect.ts';
import { createSecretBox } from '../keys/seal.ts';
import { systemRandom } from '../random.ts';
import { systemTimers } from '../system-timers.ts';
import { type MailServer, startMailServer } from '../testing/mail-server.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { openTestDatabase } from '../testing/test-database.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../testing/webhook-receiver.ts';
import { ticketsOfAlerts } from '../tickets/by-policy.ts';
import { createWebhookPoster, type WebhookPoster } from '../webhooks/post.ts';
import { createChannel } from './channels/channels.ts';
import { escalateDue } from './escalate.ts';
import { LEASE_MS } from './posts/claim.ts';
import { createPostWorker } from './posts/post-worker.ts';
import { writePosts } from './posts/write-posts.ts';
import { takeAlarms } from './take-alarms.ts';

const clock = createTestClock();
const masterKey = systemRandom.bytes(32);
let db: Db;
let receiver: WebhookReceiver;
let mail: MailServer;
const open: Db[] = [];
const posters: WebhookPoster[] = [];

beforeAll(async () => {
  db = await openTestDatabase();
  receiver = await startWebhookReceiver();
  mail = await startMailServer({ security: 'none' });
  const common = { name: 'n', language: 'en' as const };
  const context = contextOn(db);
  await createChannel(context, { ...common, channel_id: 'hook', settings: { kind: 'webhook', url: receiver.url } });
  const from = { from: 'a@example.com', to: ['b@example.com'] };
  const host = { host: '127.0.0.1', port: mail.port, security: 'none' as const };
  await createChannel(context, { ...common, channel_id: 'mail', settings: { kind: 'mail', ...host, ...from } });
});
afterAll(async () => {
  await Promise.all(posters.map((poster) => poster.close()));
  await Promise.all([db, ...open].map((one) => one.destroy()));
  await receiver.close();
  await mail.close();
});

/** What alerts are made and sent with, on a database of its own. */
function contextOn(own: Db) {
  const settings = { publicUrl: null, webhookDevAllow: [receiver.hostPort] };
  return {
    db: own,
    clock,
    timers: systemTimers,
    random: systemRandom,
    logger: pino({ level: 'silent' }),
    secrets: createSecretBox(masterKey, systemRandom.bytes),
    lookUp: () => Promise.resolve([]),
    wake: { commands: () => {}, deliveries: () => {}, alerts: () => {} },
    settings: settings as unknown as CloudContext['settings'],
  };
}

/** A worker process, as far as the database can tell: connections of its own. */
async function startWorker() {
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(db);
  const url = new URL(inject('postgresqlUrl') ?? '');
  url.pathname = `/${rows[0]?.name}`;
  const own = await connect({ engine: 'postgresql', url: url.href }, () => undefined);
  open.push(own);
  const context = contextOn(own);
  const poster = createWebhookPoster({ lookUp: context.lookUp, devAllow: [receiver.hostPort] });
  posters.push(poster);
  const worker = createPostWorker(context, poster);
  return {
    take: () => takeAlarms(context, ticketsOfAlerts(context)),
    async tell() {
      await escalateDue(context);
      await writePosts(context);
      await worker.startDue();
    },
    idle: () => worker.idle(),
    async die() {
      open.splice(open.indexOf(own), 1);
      await own.destroy();
    },
  };
}

const raise = (
  to: Db | Parameters<Parameters<ReturnType<Db['transaction']>['execute']>[0]>[0],
  code: string,
  n: number,
) => {
  const at = { raised_at_ms: clock.wallMs(), received_at_ms: clock.wallMs() };
  const alarm = { alarm_id: systemRandom.uuid(), source: 'platform' as const, code, severity: 'critical', detail: 'd' };
  return to
    .insertInto('alarms')
    .values({ ...alarm, ...at, about: `thing/${n}` })
    .execute();
};
const alertsOf = (code: string) => db.selectFrom('alerts').selectAll().where('code', '=', code).execute();

test('XC-02 of thousands of alarms that two workers take at once each is in one alert, and each alert is told once', async () => {
  const workers = [await startWorker(), await startWorker()];
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(Array.from({ length: 100 }, (_, n) => raise(db, 'fire', n % 10)));
    await Promise.all(workers.flatMap((worker) => [worker.take(), worker.tell()]));
  }
  await Promise.all(workers.map((worker) => worker.take()));
  const alerts = await alertsOf('fire');
  expect(alerts).toHaveLength(10);
  expect(alerts.map((alert) => alert.alarm_count)).toEqual(Array(10).fill(200));
  await Promise.all(workers.map((worker) => worker.tell()));
  await Promise.all(workers.map((worker) => worker.idle()));
  const told = receiver.received.map(({ body }) => body.data.alerts[0].alert_id);
  expect([told.length, new Set(told).size]).toEqual([10, 10]);
  const tickets = await db.selectFrom('tickets').selectAll().execute();
  expect(tickets).toHaveLength(10);
});

test('XC-02 an alarm whose transaction ends late is not passed over', async () => {
  const worker = await startWorker();
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const { promise: inserted, resolve: isInserted } = Promise.withResolvers<void>();
  const late = db.transaction().execute(async (trx) => {
    await raise(trx, 'late', 1);
    isInserted();
    await held;
  });
  await inserted;
  clock.advance(1_000);
  await raise(db, 'late', 2);
  await worker.take();
  expect((await alertsOf('late')).map((alert) => alert.subject_id)).toEqual(['2']);
  letGo();
  await late;
  await worker.take();
  expect((await alertsOf('late')).map((alert) => alert.subject_id).sort()).toEqual(['1', '2']);
  // Nobody needs to be told of them by the next test.
  await db.updateTable('alerts').set({ next_tick_at_ms: null }).where('code', '=', 'late').execute();
});

test('XC-02 what a worker was sending when it was killed is sent again by another, under the same id, and not before its lease is over', async () => {
  const killed = await startWorker();
  receiver.received.length = 0;
  const { promise: dead, resolve: isDead } = Promise.withResolvers<void>();
  receiver.answer((_webhook, response) => dead.then(() => response.writeHead(204).end()));
  mail.received.length = 0;
  mail.fallSilent(true);
  await raise(db, 'smoke', 1);
  await killed.take();
  await killed.tell();
  await receiver.waitFor(() => true);
  await expect.poll(() => mail.received.length).toBe(1);
  await killed.die();
  isDead();
  receiver.answer((_webhook, response) => response.writeHead(204).end());
  mail.fallSilent(false);
  const other = await startWorker();
  clock.advance(LEASE_MS - 1);
  await other.tell();
  await other.idle();
  expect([receiver.received.length, mail.received.length]).toEqual([1, 1]);
  clock.advance(1);
  await other.tell();
  await other.idle();
  expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toHaveLength(2);
  expect(new Set(receiver.received.map(({ headers, text }) => `${headers['webhook-id']} ${text}`)).size).toBe(1);
  const ids = mail.received.map(({ text }) => /^Message-ID: (.*)$/m.exec(text)?.[1]);
  expect([ids.length, new Set(ids).size]).toEqual([2, 1]);
  const posts = await db.selectFrom('alert_posts').select('status').where('status', '<>', 'delivered').execute();
  expect(posts).toEqual([]);
});
