import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Child, startChild } from '../../scripts/start/child.ts';
import { StaffClient } from '../../scripts/start/staff-client.ts';
import type { CloudReady } from '../../scripts/start/station.ts';
import { eventually, pause } from './charge.ts';
import { type Engine, findMosquitto, isLeftOut, startMosquitto, startPostgres } from './engines.ts';
import { SteadySite } from './steady-site.ts';

/**
 * Goal: several ingest processes share the sites, and whatever happens to one of them costs no record and doubles none.
 * Method: real processes, PostgreSQL and Mosquitto; sites that tell without a pause; a trigger that notes who has stored each
 * record, and whose the shard was at that moment.
 */

const LEASE_MS = 4_000;
/** How often a process looks what is free. */
const ROUND_MS = LEASE_MS / 5;
/** What a busy machine needs beyond: to notice, to subscribe, and for a site to tell again. */
const SLACK_MS = 1_500;
const SITES = 8;
const NOTE_WHO_STORES = `
  create table stored_by (site_id text, seq bigint, process text, owner uuid);
  create function note_who_stores() returns trigger language plpgsql as $$ begin
    insert into stored_by select new.site_id, new.seq, current_setting('application_name'), owner
      from ingest_shards join sites using (shard) where sites.site_id = new.site_id;
    return new;
  end $$;
  create trigger note_who_stores after insert on site_records for each row execute function note_who_stores();`;

const mosquitto = findMosquitto();
const withoutMosquitto = isLeftOut(
  mosquitto,
  'test/e2e/ingest-processes.test.ts',
  'To run them: apt-get install mosquitto',
);

describe.skipIf(withoutMosquitto)('several ingest processes', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-ingest-'));
  const logOf = (name: string) => join(folder, `${name}.log`);
  const running: Child<CloudReady>[] = [];
  const sites: SteadySite[] = [];
  let broker: Engine;
  let database: Engine;
  let db: pg.Pool;

  async function startProcess(name: string, role: 'api' | 'ingest'): Promise<Child<CloudReady>> {
    const env = {
      PILEGATE_ROLE: role,
      PILEGATE_DATA_DIR: folder,
      PILEGATE_HTTP_PORT: '0',
      PILEGATE_HEALTH_PORT: '0',
      PILEGATE_INGEST_LEASE_S: String(LEASE_MS / 1000),
      DATABASE_URL: `${database.url}?application_name=${name}`,
      BROKER_URL: broker.url,
    };
    const child = await startChild<CloudReady>({ name, program: 'cloud/main.ts', env, logFile: logOf(name) });
    running.push(child);
    return child;
  }
  const readiness = async (child: Child<CloudReady>) => (await fetch(`${child.ready.httpUrl}/readyz`)).json();
  const log = (name: string): { msg: string; processId?: string }[] =>
    readFileSync(logOf(name), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line));
  /** How many shards each process has, most first. */
  const shares = async (): Promise<number[]> => {
    const found = await db.query(`select count(*)::int as n from ingest_shards
      where owner is not null and leased_until > clock_timestamp() group by owner order by n desc`);
    return found.rows.map(({ n }) => n);
  };
  const untilShared = (counts: readonly number[], withinMs: number) =>
    eventually(
      `the shards are shared as ${counts.join(', ')}`,
      withinMs,
      async () => JSON.stringify(await shares()) === JSON.stringify(counts),
    );
  /** Every site has been heard again, by whoever has its shard. */
  async function untilAllAreHeard(): Promise<void> {
    const before = sites.map((site) => site.acked);
    await eventually('every site is acknowledged again', 10_000, async () =>
      sites.every((site, i) => site.acked > (before[i] ?? 0)),
    );
  }
  const worstGapMs = () => Math.max(...sites.map((site) => site.takeWorstGapMs()));

  beforeAll(async () => {
    [broker, database] = await Promise.all([startMosquitto(mosquitto ?? ''), startPostgres()]);
    db = new pg.Pool({ connectionString: database.url });
    const api = await startProcess('api', 'api');
    await db.query(NOTE_WHO_STORES);
    const staff = new StaffClient(api.ready.httpUrl, folder);
    const settings = { environment: 'sandbox', timezone: 'Asia/Shanghai' };
    for (let i = 0; i < SITES; i += 1) {
      const shard = i * 8 + 3;
      const connectors = [{ connector_id: `c-${i}`, pile_id: `p-${i}`, model: 'sim', max_power_w: 7_000 }];
      await staff.createSite({ site_id: `steady-${i}`, name: `Steady ${i}`, shard, connectors, ...settings });
    }
    await startProcess('one', 'ingest');
    for (let i = 0; i < SITES; i += 1) sites.push(await SteadySite.connect(broker.url, `steady-${i}`, i * 8 + 3));
  }, 60_000);
  afterAll(async () => {
    await Promise.all(sites.map((site) => site.finish()));
    for (const child of running) child.kill('SIGCONT');
    for (const child of running.reverse()) await child.stop();
    await db?.end();
    await broker?.stop();
    await database?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('XC-07 XC-03 a second process gets half of the shards, and gives them back when it ends', async () => {
    await untilAllAreHeard();
    expect(await shares()).toEqual([64]);
    const two = await startProcess('two', 'ingest');
    await untilShared([32, 32], 3 * LEASE_MS);
    await untilAllAreHeard();
    expect(await readiness(two)).toEqual({
      ready: true,
      database_reachable: true,
      shards_leased: 64,
      ingest: { broker_proven: true, lease_live: true, shards_owned: 32, shards_heard: 32 },
      alerts_deaf_levels: ['warning', 'critical', 'emergency'],
    });
    two.kill('SIGTERM');
    expect(await two.ended).toBe(0);
    // Sooner than any of its leases has run out.
    await untilShared([64], ROUND_MS + SLACK_MS);
    await untilAllAreHeard();
  });

  test('XC-07 a process that is killed is replaced within the time of its leases', async () => {
    const three = await startProcess('three', 'ingest');
    await untilShared([32, 32], 3 * LEASE_MS);
    await untilAllAreHeard();
    worstGapMs();
    const killedAtMs = Date.now();
    three.kill('SIGKILL');
    await untilShared([64], LEASE_MS + SLACK_MS);
    const takenMs = Date.now() - killedAtMs;
    await untilAllAreHeard();
    const silentMs = worstGapMs();
    console.info(`killed: taken over after ${takenMs} ms, longest silence for a site ${silentMs} ms`);
    expect(silentMs).toBeLessThan(LEASE_MS + 2 * SLACK_MS);
  });

  test('SY-01 XC-07 a process that stood still for longer than its leases stores nothing when it goes on', async () => {
    const four = await startProcess('four', 'ingest');
    await untilShared([32, 32], 3 * LEASE_MS);
    await untilAllAreHeard();
    const one = running.find(({ name }) => name === 'one');
    one?.kill('SIGSTOP');
    await untilShared([64], LEASE_MS + SLACK_MS);
    await untilAllAreHeard();
    await pause(500);
    one?.kill('SIGCONT');
    // It is alive again and takes its share, of what was given back to it in order.
    await untilShared([32, 32], 3 * LEASE_MS);
    await untilAllAreHeard();
    const told = log('one').map(({ msg }) => msg);
    expect(told).toContain('leases of shards are lost');
    expect(told).toContain('message is left to the process that has the shard');
    expect(await readiness(four)).toMatchObject({ ready: true });
  });

  test('SY-01 XC-07 through all of it every record is stored once, by whoever had the shard', async () => {
    await Promise.all(sites.map((site) => site.finish()));
    const stored =
      await db.query(`select site_id, count(*)::int as n, max(seq)::int as last, min(refused_code) as refused
      from site_records group by site_id order by site_id`);
    const acked = sites.map((site) => ({ site_id: site.siteId, acked: site.acked }));
    for (const [i, { n, last, refused, site_id }] of stored.rows.entries()) {
      expect({ site_id, n, refused }).toEqual({ site_id: acked[i]?.site_id, n: last, refused: null });
      expect(last).toBeGreaterThanOrEqual(acked[i]?.acked ?? 0);
    }
    const counts = await db.query(`select (select count(*)::int from alarms) as alarms,
      (select count(*)::int from site_records) as records, (select count(*)::int from stored_by) as noted`);
    expect(counts.rows[0]).toEqual({
      alarms: counts.rows[0].records,
      records: counts.rows[0].records,
      noted: counts.rows[0].records,
    });
    const by = await db.query(
      'select process, array_agg(distinct owner::text) as owners from stored_by group by process',
    );
    expect(by.rows.length).toBeGreaterThanOrEqual(3);
    for (const { process, owners } of by.rows) {
      const ids = new Set(log(process).flatMap(({ processId }) => processId ?? []));
      expect(owners, `${process} stores under its own leases`).toEqual([...ids]);
    }
  });
});
