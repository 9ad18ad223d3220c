import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { CloudContext } from '../../context.ts';
import type { Db } from '../../db/connect.ts';
import { createSecretBox } from '../../keys/seal.ts';
import { systemRandom } from '../../random.ts';
import { systemTimers } from '../../system-timers.ts';
import { startMailServer } from '../../testing/mail-server.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import { openTestDatabase } from '../../testing/test-database.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../../testing/webhook-receiver.ts';
import { createWebhookPoster } from '../../webhooks/post.ts';
import { createChannel, enableChannel, testChannel } from '../channels/channels.ts';
import { escalateDue } from '../escalate.ts';
import { takeAlarms } from '../take-alarms.ts';
import { createPostWorker } from './post-worker.ts';
import { writePosts } from './write-posts.ts';

const DAY_MS = 86_400_000;
const clock = createTestClock();
let db: Db;
let receiver: WebhookReceiver;

beforeAll(async () => {
  db = await openTestDatabase();
  receiver = await startWebhookReceiver();
  const settings = { kind: 'webhook' as const, url: receiver.url };
  await createChannel(context(), { channel_id: 'hook', name: 'n', language: 'en', settings });
});
afterAll(async () => {
  await db.destroy();
  await receiver.close();
});
afterEach(async () => {
  await db.updateTable('alert_posts').set({ status: 'cancelled' }).where('status', '=', 'pending').execute();
  await enableChannel(context(), 'hook');
});

const masterKey = systemRandom.bytes(32);
const context = (key = masterKey) => ({
  db,
  clock,
  timers: systemTimers,
  random: systemRandom,
  logger: pino({ level: 'silent' }),
  secrets: createSecretBox(key, systemRandom.bytes),
  lookUp: () => Promise.resolve([]),
  wake: { commands: () => {}, deliveries: () => {}, alerts: () => {} },
  settings: { publicUrl: null, webhookDevAllow: [receiver.hostPort] } as unknown as CloudContext['settings'],
});

function startWorker(own = context()) {
  const poster = createWebhookPoster({ lookUp: own.lookUp, devAllow: [receiver.hostPort] });
  const worker = createPostWorker(own, poster);
  return { poster, worker };
}
async function send(own = context()): Promise<void> {
  const { poster, worker } = startWorker(own);
  await worker.startDue();
  await worker.idle();
  await poster.close();
}
const channel = () =>
  db.selectFrom('alert_channels').selectAll().where('channel_id', '=', 'hook').executeTakeFirstOrThrow();
const postOf = (postId: string) =>
  db.selectFrom('alert_posts').selectAll().where('post_id', '=', postId).executeTakeFirstOrThrow();

test('XC-02 a channel that has failed once, days ago, is not disabled by one more failure', async () => {
  receiver.answer((_webhook, response) => response.writeHead(503).end());
  await testChannel(context(), 'hook');
  await send();
  clock.advance(3 * DAY_MS);
  await testChannel(context(), 'hook');
  await send();
  expect(await channel()).toMatchObject({
    disabled_at_ms: null,
    failing_told_at_ms: null,
    failing_since_ms: clock.wallMs(),
  });
});

test('XC-02 when nothing can be sent for hours, what was to be told is told as soon as it can be again, and nobody has to enable anything', async () => {
  receiver.received.length = 0;
  receiver.answer((_webhook, response) => response.writeHead(503).end());
  const at = { raised_at_ms: clock.wallMs(), received_at_ms: clock.wallMs() };
  await db
    .insertInto('alarms')
    .values({ ...at, alarm_id: systemRandom.uuid(), source: 'platform', code: 'c', severity: 'warning', detail: 'd' })
    .execute();
  const goOn = async (forMs: number) => {
    for (let ms = 0; ms < forMs; ms += 600_000) {
      await takeAlarms(context(), () => Promise.resolve());
      await escalateDue(context());
      await writePosts(context());
      await send();
      clock.advance(600_000);
    }
  };
  await goOn(DAY_MS / 4);
  expect(await channel()).toMatchObject({ disabled_at_ms: null });
  receiver.received.length = 0;
  receiver.answer((_webhook, response) => response.writeHead(204).end());
  await goOn(DAY_MS / 12);
  expect(receiver.received.map(({ body }) => body.data.alerts[0].code)).toContain('c');
  const { failing_told_at_ms: failing } = await channel();
  expect(failing).toBeNull();
});

test('XC-02 a message that is broken off as its process ends is no failure of its channel', async () => {
  receiver.received.length = 0;
  receiver.answer(() => undefined);
  const postId = await testChannel(context(), 'hook');
  const { poster, worker } = startWorker();
  await worker.startDue();
  await receiver.waitFor(() => true);
  await poster.close();
  await worker.idle();
  expect(await channel()).toMatchObject({ failing_since_ms: null });
  expect(await postOf(postId)).toMatchObject({ status: 'pending', attempts: 0, next_attempt_at_ms: clock.wallMs() });
  receiver.answer((_webhook, response) => response.writeHead(204).end());
  await send();
  expect(await postOf(postId)).toMatchObject({ status: 'delivered', attempts: 1 });
});

test('XC-02 a channel whose secret cannot be opened fails as one that does not answer', async () => {
  receiver.answer((_webhook, response) => response.writeHead(204).end());
  const postId = await testChannel(context(), 'hook');
  await send(context(systemRandom.bytes(32)));
  expect(await postOf(postId)).toMatchObject({ status: 'failed', attempts: 1 });
  expect(await channel()).toMatchObject({ failing_since_ms: clock.wallMs() });
});

test('XC-02 of what a mail server repeats of a login nothing secret is kept', async () => {
  const server = await startMailServer({ security: 'tls', login: { user: 'alerts', password: 'right word' } });
  const host = { host: 'localhost', port: server.port, security: 'tls' as const, ca_pem: server.caPem, user: 'alerts' };
  const settings = { kind: 'mail' as const, ...host, from: 'a@example.com', to: ['b@example.com'] };
  await createChannel(context(), { channel_id: 'mail', name: 'n', language: 'en', settings, secret: 'wrong word' });
  const postId = await testChannel(context(), 'mail');
  await send();
  await server.close();
  const { last_error: told } = await postOf(postId);
  expect(told).toContain('as was sent');
  expect(told).not.toContain('wrong word');
  for (const [word = ''] of (told ?? '').matchAll(/[A-Za-z0-9+/=]{16,}/g))
    expect(Buffer.from(word, 'base64').toString()).not.toContain('wrong word');
});
