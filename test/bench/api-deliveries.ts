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
/** Runs of both kinds, each pair in the other order than the one before: what comes later finds fuller tables and warmer code. */
const PAIRS = 5;
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
 * Webhooks to a hundred receivers that answer at once, all due at the same time and each of an order of its own: those alone, and in turn with
 * one more receiver that takes everything and never answers, every time a new one. One process each of API and worker, and PostgreSQL.
 *
 * @param each how many for each receiver
 */
export async function measureDeliveries(each: number): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-bench-hooks-'));
  const database = await startPostgres();
  const db = new pg.Pool({ connectionString: database.url, max: 2 });
  const stops: (() => Promise<unknown>)[] = [() => database.stop(), () => db.end()];
  try {
    const program = join(import.meta.dirname, 'api-receivers.ts');
    const receivers = await startProcess([program, String(LIVING + PAIRS), String(PAIRS)], {
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
    const living = Array.from({ length: LIVING }, (_, n) => `bench-${n}`);
    const drain = async (run: string, dead: number | null): Promise<Drained> => {
      const before = (await seen()).counts;
      const fromMs = nowMs();
      await makeDue(db, run, dead === null ? living : [...living, `bench-${dead}`], each);
      const untilMs = fromMs + WITHIN_MS;
      for (;;) {
        const { counts, lastAtMs } = await seen();
        const came = counts.slice(0, LIVING).map((count, i) => count - (before[i] ?? 0));
        if (came.every((count) => count >= each)) {
          const took = lastAtMs.slice(0, LIVING).map((at) => (at ?? fromMs) - fromMs);
          return { perS: (LIVING * each * 1000) / Math.max(...took), medianMs: median(took) };
        }
        if (nowMs() > untilMs) throw new Error(`${Math.min(...came)} of ${each} came after ${WITHIN_MS} ms`);
        await pause(LOOK_EVERY_MS);
      }
    };
    await drain('warm-up', null);

    const alone: Drained[] = [];
    const beside: Drained[] = [];
    for (let pair = 0; pair < PAIRS; pair += 1) {
      const dead = LIVING + pair;
      const runAlone = async () => alone.push(await drain(`alone-${pair}`, null));
      const runBeside = async () => {
        beside.push(await drain(`beside-${pair}`, dead));
        await bury(db, `bench-${dead}`);
      };
      for (const run of pair % 2 === 0 ? [runAlone, runBeside] : [runBeside, runAlone]) await run();
    }
    const slower = beside.map(({ medianMs }, pair) => medianMs / (alone[pair]?.medianMs ?? Number.NaN));
    return {
      deliveries_per_s: Math.round(median(beside.map(({ perS }) => perS))),
      deliveries_per_s_without_dead: Math.round(median(alone.map(({ perS }) => perS))),
      delivered_ms_with_dead: round(median(beside.map(({ medianMs }) => medianMs)), 0),
      delivered_ms_without_dead: round(median(alone.map(({ medianMs }) => medianMs)), 0),
      delivered_ratio: round(median(slower)),
      delivered_ratio_least: round(Math.min(...slower)),
      delivered_ratio_most: round(Math.max(...slower)),
    };
  } finally {
    for (const stop of stops.reverse()) await stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Nothing is sent any more to the endpoint of this partner, and nothing is under way. */
async function bury(db: pg.Pool, partnerId: string): Promise<void> {
  const untilMs = nowMs() + WITHIN_MS;
  await db.query('update webhook_endpoints set paused_at_ms = $2 where partner_id = $1', [partnerId, Date.now()]);
  const leased = `select 1 from webhook_deliveries join webhook_endpoints using (endpoint_id)
    where partner_id = $1 and status = 'pending' and leased_until_ms > $2 limit 1`;
  while ((await db.query(leased, [partnerId, Date.now()])).rows.length > 0) {
    if (nowMs() > untilMs) throw new Error(`something is still on its way to ${partnerId}`);
    await pause(LOOK_EVERY_MS);
  }
}

/** An event of every partner, so often, in no order with each other. */
async function makeDue(db: pg.Pool, run: string, partnerIds: readonly string[], each: number): Promise<void> {
  const payload = JSON.stringify({
    type: 'charge.ended',
    timestamp: new Date().toISOString(),
    data: { text: 'x'.repeat(2000) },
  });
  const values = [run, partnerIds, each, payload, Date.now()];
  await db.query(
    `with events as (
      insert into webhook_events (event_id, partner_id, environment, type, payload, created_at_ms)
      select 'msg_' || $1 || '_' || partner || '_' || i, partner, 'sandbox', 'charge.ended', $4, $5
      from unnest($2::text[]) as partner, generate_series(1, $3::int) as i
      returning event_id, partner_id)
    insert into webhook_deliveries (event_id, endpoint_id, lane, status, next_attempt_at_ms, created_at_ms)
    select event_id, endpoint_id, event_id, 'pending', $5, $5 from events join webhook_endpoints using (partner_id)`,
    values,
  );
}
