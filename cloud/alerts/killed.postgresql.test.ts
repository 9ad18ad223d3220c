import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Db } from '../db/connect.ts';
import { createSecretBox } from '../keys/seal.ts';
import { systemRandom } from '../random.ts';
import { machineClock } from '../testing/test-clock.ts';
import { openTestDatabase } from '../testing/test-database.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../testing/webhook-receiver.ts';
import { createChannel } from './channels/channels.ts';
import { LEASE_MS } from './posts/claim.ts';

const KILLS = 2;
const ALERTS_EACH = 5;
/** What was written before the end of a process has come by then. */
const ON_THE_WAY_MS = 200;
const program = join(import.meta.dirname, '../testing/alert-worker.ts');
const masterKey = systemRandom.bytes(32);
let db: Db;
let receiver: WebhookReceiver;
let url: string;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  db = await openTestDatabase();
  receiver = await startWebhookReceiver();
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(db);
  const own = new URL(inject('postgresqlUrl') ?? '');
  own.pathname = `/${rows[0]?.name}`;
  url = own.href;
  const context = {
    db,
    clock: machineClock,
    random: systemRandom,
    logger: pino({ level: 'silent' }),
    secrets: createSecretBox(masterKey, systemRandom.bytes),
    settings: { webhookDevAllow: [receiver.hostPort] },
  };
  const settings = { kind: 'webhook' as const, url: receiver.url };
  await createChannel(context as never, { name: 'n', language: 'en', channel_id: 'hook', settings });
});
afterAll(async () => {
  await Promise.all([...running].map(kill));
  await receiver?.close();
  await db?.destroy();
});

/** @param life how many have been killed before: by its clock their leases are over */
function startWorker(life: number): ChildProcess {
  const aheadMs = life * (LEASE_MS + 1000);
  const args = [program, url, masterKey.toString('hex'), receiver.hostPort, String(aheadMs)];
  const worker = spawn(process.execPath, args, { stdio: 'inherit' });
  running.add(worker);
  return worker;
}

async function kill(worker: ChildProcess): Promise<void> {
  running.delete(worker);
  const isOver = once(worker, 'exit');
  worker.kill('SIGKILL');
  expect(await isOver).toEqual([null, 'SIGKILL']);
  await setTimeout(ON_THE_WAY_MS);
}

async function raise(n: number): Promise<void> {
  const nowMs = Date.now();
  const alarm = { alarm_id: systemRandom.uuid(), source: 'platform' as const, code: 'blaze', severity: 'critical' };
  const times = { raised_at_ms: nowMs, received_at_ms: nowMs };
  await db
    .insertInto('alarms')
    .values({ ...alarm, ...times, detail: 'd', about: `thing/${n}` })
    .execute();
}

const idOf = ({ headers }: { headers: Readonly<Record<string, unknown>> }) => String(headers['webhook-id']);
const postsThat = async (status: 'pending' | 'delivered') =>
  (await db.selectFrom('alert_posts').select('post_id').where('status', '=', status).execute()).map(
    (row) => row.post_id,
  );

test('XC-02 workers that are killed outright while they post: each alert is told, under one id, and again only where nobody had written down that it was', {
  timeout: 60_000,
}, async () => {
  let repeats = 0;
  for (let life = 0; life < KILLS; life += 1) {
    for (let n = 0; n < ALERTS_EACH; n += 1) await raise(life * ALERTS_EACH + n);
    const before = receiver.received.length;
    // In turns: killed while it waits for an answer, and just when it has one.
    receiver.answer((_webhook, response) => void (life % 2 === 1 && response.writeHead(204).end()));
    const worker = startWorker(life);
    await expect.poll(() => receiver.received.length, { interval: 1 }).toBeGreaterThan(before);
    await kill(worker);
    const come = new Set(receiver.received.slice(before).map(idOf));
    repeats += (await postsThat('pending')).filter((id) => come.has(id)).length;
  }
  receiver.answer((_webhook, response) => response.writeHead(204).end());
  const last = startWorker(KILLS);
  const told = () => new Set(receiver.received.flatMap(({ body }) => body.data.alerts.map(alertIdOf)));
  await expect.poll(() => told().size).toBe(KILLS * ALERTS_EACH);
  await expect.poll(() => postsThat('pending')).toEqual([]);
  await kill(last);

  const posts = await postsThat('delivered');
  expect(repeats, 'posts that were under way at a kill').toBeGreaterThanOrEqual(KILLS / 2);
  expect(receiver.received).toHaveLength(posts.length + repeats);
  expect(new Set(receiver.received.map(idOf))).toEqual(new Set(posts));
  expect(new Set(receiver.received.map((one) => `${idOf(one)} ${one.text}`)).size, 'the same bytes').toBe(posts.length);
  const pairs = receiver.received.flatMap((one) =>
    one.body.data.alerts.map((alert: Told) => `${alertIdOf(alert)} ${idOf(one)}`),
  );
  expect(new Set(pairs).size, 'each alert under one id').toBe(KILLS * ALERTS_EACH);
});

interface Told {
  readonly alert_id: string;
}
const alertIdOf = ({ alert_id: id }: Told): string => id;
