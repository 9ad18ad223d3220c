import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startChild } from '../../scripts/start/child.ts';
import { PartnerClient } from '../../scripts/start/partner-client.ts';
import { StaffClient } from '../../scripts/start/staff-client.ts';
import type { CloudReady } from '../../scripts/start/station.ts';
import { registerWebhook } from '../../scripts/start/walk.ts';
import { startPostgres } from '../e2e/engines.ts';
import type { Received } from './api-receivers.ts';
import { median, round } from './measure.ts';
import { startProcess } from './start-process.ts';

const LIVING = 100;
const WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 50;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

interface Drained {
  readonly perS: number;
  /** Median over the living receivers: from the moment at which all was due until the last of theirs came. */
  readonly medianMs: number;
}

/**
 * Webhooks to a hundred receivers that answer at once, all due at the same time and each of an order of its own: first those alone, then
 * with one more receiver that takes everything and never answers. One process each of API and worker, and PostgreSQL.
 *
 * @param each how many for each receiver
 */
export async function measureDeliveries(each: number): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-bench-hooks-'));
  const database = await startPostgres();
  const db = new pg.Pool({ connectionString: database.url, max: 2 });
  const stops: (() => Promise<unknown>)[] = [() => database.stop(), () => db.end()];
  try {
    const receivers = await startProcess([join(import.meta.dirname, 'api-receivers.ts'), String(LIVING + 1)], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    stops.push(() => receivers.stop());
    const ports = receivers.ready as number[];
    const env = {
      PILEGATE_DATA_DIR: folder,
      PILEGATE_HTTP_PORT: '0',
      PILEGATE_LOG_LEVEL: 'error',
      PILEGATE_WEBHOOK_DEV_ALLOW: ports.map((port) => `127.0.0.1:${port}`).join(','),
      DATABASE_URL: database.url,
      // Neither of the two roles speaks with it.
      BROKER_URL: 'mqtt://127.0.0.1:1',
    };
    const start = async (role: string) => {
      const logFile = join(folder, `${role}.log`);
      const child = await startChild<CloudReady>({
        name: role,
        program: 'cloud/main.ts',
        env: { ...env, PILEGATE_ROLE: role },
        logFile,
      });
      stops.push(() => child.stop());
      return child;
    };
    const api = await start('api');
    const staff = new StaffClient(api.ready.httpUrl, folder);
    for (const [i, port] of ports.entries()) {
      const partner = new PartnerClient(api.ready.httpUrl, await staff.createPartner(`bench-${i}`, `Bench ${i}`));
      await registerWebhook(partner, { url: `http://127.0.0.1:${port}/`, secret: '' });
    }
    await start('worker');
    const seen = async (): Promise<Received> => {
      receivers.child.send('tell');
      const [said]: unknown[] = await once(receivers.child, 'message');
      return said as Received;
    };
    const drain = async (run: string, first: number): Promise<Drained> => {
      const before = (await seen()).counts;
      const fromMs = nowMs();
      await makeDue(db, run, { first, each });
      const untilMs = fromMs + WITHIN_MS;
      for (;;) {
        const { counts, lastAtMs } = await seen();
        const living = counts.slice(1).map((count, i) => count - (before[i + 1] ?? 0));
        if (living.every((count) => count >= each)) {
          const took = lastAtMs.slice(1).map((at) => (at ?? fromMs) - fromMs);
          return { perS: (LIVING * each * 1000) / Math.max(...took), medianMs: median(took) };
        }
        if (nowMs() > untilMs) throw new Error(`${Math.min(...living)} of ${each} came after ${WITHIN_MS} ms`);
        await pause(LOOK_EVERY_MS);
      }
    };
    await drain('warm-up', 1);
    const alone = await drain('alone', 1);
    const beside = await drain('beside', 0);
    return {
      deliveries_per_s: Math.round(beside.perS),
      deliveries_per_s_without_dead: Math.round(alone.perS),
      delivered_ms_with_dead: round(beside.medianMs, 0),
      delivered_ms_without_dead: round(alone.medianMs, 0),
    };
  } finally {
    for (const stop of stops.reverse()) await stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An event of every partner from the first one on, so often, in no order with each other. */
async function makeDue(db: pg.Pool, run: string, { first, each }: { first: number; each: number }): Promise<void> {
  const payload = JSON.stringify({
    type: 'charge.ended',
    timestamp: new Date().toISOString(),
    data: { text: 'x'.repeat(2000) },
  });
  const values = [run, first, LIVING, each, payload, Date.now()];
  await db.query(
    `with events as (
      insert into webhook_events (event_id, partner_id, environment, type, payload, created_at_ms)
      select 'msg_' || $1 || '_' || n || '_' || i, 'bench-' || n, 'sandbox', 'charge.ended', $5, $6
      from generate_series($2::int, $3::int) as n, generate_series(1, $4::int) as i
      returning event_id, partner_id)
    insert into webhook_deliveries (event_id, endpoint_id, lane, status, next_attempt_at_ms, created_at_ms)
    select event_id, endpoint_id, event_id, 'pending', $6, $6 from events join webhook_endpoints using (partner_id)`,
    values,
  );
}
