import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ChargingSite, openChargingSite } from '../testing/charging-site.ts';
import { readExposition, type Scraped, scrape, seriesCount } from '../testing/scrape.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../testing/webhook-receiver.ts';
import { createCloudMetrics } from './cloud-metrics.ts';
import { readFigures } from './read-figures.ts';
import { figureGauges } from './show-figures.ts';
import { watchSlowStatements } from './slow-statements.ts';

let cloud: TestCloud;
let receiver: WebhookReceiver;
let site: ChargingSite;

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  cloud = await startTestCloud({
    config: { metrics: { host: '127.0.0.1', port: 0 }, webhookDevAllow: [receiver.hostPort], dataDir: '.' },
  });
});
afterAll(async () => {
  await cloud?.stop();
  await receiver?.close();
});

const told = (): Promise<Scraped> => scrape(cloud.metricsUrl ?? '');

test('XC-03 what was done is what is told: starts, refusals, records, and deliveries that wait', async () => {
  site = await openChargingSite(cloud, 'metrics');
  receiver.answer((_webhook, response) => response.writeHead(500).end());
  await site.stage.partner.call('POST', '/v1/webhook-endpoints', { url: receiver.url });
  expect((await site.start('m-1')).status).toBe(202);
  const command = await site.takeStart();
  await expect.poll(async () => (await told()).value('pilegate_operations_open', { kind: 'start' })).toBe(1);
  expect((await site.start('m-2')).status).toBe(409);
  expect((await site.start('m-3')).status).toBe(409);
  expect((await site.stage.partner.call('GET', '/v1/nothing')).status).toBe(404);
  await site.begin(command);
  const route = '/v1/operations/start';
  await expect
    .poll(async () => (await told()).value('pilegate_webhook_deliveries_pending', { state: 'retrying' }))
    .toBe(1);
  const seen = await told();
  const value = seen.value.bind(seen);
  const calls = (status: string) => value('pilegate_http_request_duration_seconds', { method: 'POST', route, status });
  expect([calls('2xx'), calls('4xx'), calls('5xx')]).toEqual([1, 2, undefined]);
  expect(value('pilegate_http_request_duration_seconds', { method: 'any', route: 'none', status: '4xx' })).toBe(1);
  expect(value('pilegate_operation_duration_seconds', { kind: 'start', outcome: 'succeeded' })).toBe(1);
  expect(value('pilegate_operations_open', { kind: 'start', age: 'under_10s' })).toBe(0);
  expect(value('pilegate_ingest_records_total', { stream: 'events', outcome: 'taken' })).toBe(1);
  expect(value('pilegate_ingest_messages_total', { kind: 'hello', outcome: 'taken' })).toBe(1);
  expect(value('pilegate_ingest_lag_seconds')).toBeLessThan(60);
  expect(value('pilegate_webhook_attempt_duration_seconds', { outcome: 'refused' })).toBe(1);
  expect(value('pilegate_webhook_endpoints', { state: 'failing' })).toBe(1);
  expect(value('pilegate_sites', { link: 'online' })).toBe(1);
  expect(value('pilegate_alarms_open', { severity: 'critical' })).toBe(0);
  expect(value('pilegate_alerts_deaf', { level: 'critical' })).toBe(1);
  expect(value('pilegate_alerts_deaf', { level: 'info' })).toBe(0);
  expect(value('pilegate_alerts_unacknowledged')).toBe(0);
  expect(value('pilegate_dead_letters_open', { source: 'record' })).toBe(0);
  expect([value('pilegate_broker_link_up'), value('pilegate_database_up')]).toEqual([1, 1]);
  expect([value('pilegate_shards_heard'), value('pilegate_shards_leased')]).toEqual([64, 64]);
  expect(value('process_cpu_seconds_total', { mode: 'user' })).toBeGreaterThan(0);
  expect(value('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
  expect(value('pilegate_disk_free_bytes')).toBeGreaterThan(0);
  expect(value('pilegate_event_loop_delay_seconds', { quantile: '0.99' })).toBeGreaterThanOrEqual(0);
});

test('OP-20 XC-03 an endpoint that fails or is paused is no delay of ours: nobody is told of it as one for as long as its partner likes', async () => {
  const later = async () => (await readFigures(cloud.context.db, cloud.clock.wallMs() + 7_200_000)).deliveries;
  expect(await later()).toMatchObject({ retrying: 1, oldestAgeMs: null });
  const endpoints = cloud.context.db.updateTable('webhook_endpoints');
  await endpoints.set({ failing_since_ms: null, paused_at_ms: cloud.clock.wallMs() }).execute();
  expect((await later()).oldestAgeMs).toBeNull();
  await endpoints.set({ failing_since_ms: null, paused_at_ms: null }).execute();
  expect((await later()).oldestAgeMs).toBeGreaterThanOrEqual(7_200_000);
});

test('XC-03 what is many is no label: a thousand calls about a thousand orders add no series', async () => {
  const { partner } = site.stage;
  const call = (n: number) => partner.call('GET', `/v1/orders/00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);
  await call(0);
  await partner.call('GET', '/v1/none/0');
  const before = seriesCount(await told());
  for (let n = 1; n <= 30; n += 1) await Promise.all([call(n), partner.call('GET', `/v1/none/${n}`)]);
  expect(seriesCount(await told())).toBe(before);
  const labels = new Set(
    (await told()).families.flatMap(({ series }) => series.flatMap((one) => Object.keys(one.labels))),
  );
  const known = [
    'le',
    'method',
    'route',
    'status',
    'kind',
    'outcome',
    'code',
    'stream',
    'shard',
    'age',
    'state',
    'source',
  ];
  const others = ['severity', 'level', 'link', 'mode', 'quantile', 'use'];
  expect([...labels].filter((label) => ![...known, ...others].includes(label))).toEqual([]);
});

test('XC-03 metrics are nothing that partners can reach', async () => {
  expect((await fetch(`${cloud.httpUrl}/metrics`)).status).toBe(404);
  expect((await fetch(new URL('/v1/orders', cloud.metricsUrl ?? ''))).status).toBe(404);
  expect((await fetch(cloud.metricsUrl ?? '', { method: 'POST' })).status).toBe(405);
});

test('XC-03 the outcome of a transaction that is undone is not counted', async () => {
  const { onceStored, savepoint, transaction } = await import('../db/transaction.ts');
  const { db } = cloud.context;
  const counted: string[] = [];
  await expect(
    transaction(db, (trx) => {
      onceStored(trx, () => counted.push('undone'));
      return Promise.reject(new Error('undone'));
    }),
  ).rejects.toThrow('undone');
  await transaction(db, async (trx) => {
    onceStored(trx, () => counted.push('stored'));
    const failing = savepoint(trx, () => {
      onceStored(trx, () => counted.push('savepoint'));
      return Promise.reject(new Error('no'));
    });
    await expect(failing).rejects.toThrow('no');
    expect(counted).toEqual([]);
  });
  expect(counted).toEqual(['stored']);
});

test('XC-03 a slow statement is told once a minute, without its values, and counted each time', () => {
  const lines: string[] = [];
  let nowMs = 0;
  const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const slow = watchSlowStatements({ logger, clock: { monoMs: () => nowMs } }, 500);
  slow.look({ statement: 'select $1', durationMs: 499 });
  for (let i = 0; i < 3; i += 1) slow.look({ statement: 'select $1', durationMs: 500 });
  nowMs = 60_000;
  slow.look({ statement: 'select $1', durationMs: 700 });
  expect([slow.count, slow.totalMs]).toEqual([4, 2200]);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { statement: 'select $1', durationMs: 500, untold: 0 },
    { statement: 'select $1', durationMs: 700, untold: 2 },
  ]);
});

test('each process has counters of its own', async () => {
  const [one, other] = [createCloudMetrics(), createCloudMetrics()];
  one.message('hello', 'taken');
  expect(await other.registry.metrics()).not.toContain('kind="hello"');
});

test('XC-03 the page lists exactly what is told, each with its type', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
  const cloudPart = page.split('\n## ').find((part) => part.startsWith('Cloud\n')) ?? '';
  const listed = [...cloudPart.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`);
  const families = (await told()).families.map(({ name, type }) => `${name} ${type}`);
  expect(listed.sort()).toEqual(families.sort());
});

test('XC-03 of a database that is away nothing is told but that it is', async () => {
  const registry = new Registry();
  const show = figureGauges(registry);
  show(await readFigures(cloud.context.db, cloud.clock.wallMs()));
  expect(readExposition(await registry.metrics()).value('pilegate_shards_leased')).toBe(64);
  show(null);
  const seen = readExposition(await registry.metrics());
  expect(seen.value('pilegate_database_up')).toBe(0);
  expect(seen.families.flatMap(({ series }) => series).map(({ name }) => name)).toEqual(['pilegate_database_up']);
});
