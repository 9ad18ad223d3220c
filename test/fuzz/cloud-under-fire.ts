import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../cloud/db/connect.ts';
import { exampleTariff } from '../../cloud/testing/fixtures.ts';
import { startWebhookReceiver } from '../../cloud/testing/webhook-receiver.ts';
import { type Child, startChild } from '../../scripts/start/child.ts';
import { StaffClient } from '../../scripts/start/staff-client.ts';
import type { CloudReady } from '../../scripts/start/station.ts';
import { type Engine, startPostgres } from '../e2e/engines.ts';
import { startBench } from './bench.ts';
import type { SigningKey } from './callers.ts';
import { whatIsLeft } from './what-is-left.ts';
import { WillingSite } from './willing-site.ts';

const CONNECTOR_IDS = Array.from({ length: 24 }, (_, n) => `fuzz-c${n}`);
/** So many are for whoever draws at random; the others are lent to one walk at a time. */
const FOR_ALL = 8;
const ALL_SCOPES = ['read', 'control', 'orders', 'settlement', 'keys'];
/** So high that none of it is reached: what the gate refuses tells nothing of what is behind it. */
const NO_LIMITS = ['read', 'control', 'orders', 'settlement', 'manage'].map((name) => `${name}=600000/100000`).join();

export type DatabaseEngine = 'postgresql' | 'pglite';

/** What a log line has at least. */
export interface LogLine {
  readonly level: number;
  readonly msg?: string;
}

export interface NamedKey {
  readonly partnerId: string;
  readonly key: SigningKey;
}

const newSite = (staff: StaffClient, siteId: string, connectorIds: readonly string[]) =>
  staff.call<{ shard: number; broker_password: string }>('POST', '/staff/v1/sites', {
    site_id: siteId,
    name: siteId,
    environment: 'sandbox',
    timezone: 'Asia/Shanghai',
    login: 'password',
    connectors: connectorIds.map((id) => ({
      connector_id: id,
      pile_id: `${id}-pile`,
      model: 'sim',
      max_power_w: 7_000,
    })),
  });

/** A real cloud process with its database, one site that does what it is told, another one that is there to suffer, and partners with keys. */
export class CloudUnderFire {
  readonly cloud: Child<CloudReady>;
  readonly staff: StaffClient;
  readonly site: WillingSite;
  readonly hookUrl: string;
  /** Nobody has one of these to themselves. */
  readonly connectorIds: readonly string[] = CONNECTOR_IDS.slice(0, FOR_ALL);
  readonly #free: string[] = CONNECTOR_IDS.slice(FOR_ALL);
  readonly #helpers: readonly { close(): Promise<void> }[];
  readonly #folder: string;
  readonly #postgres: Engine | null;

  private constructor(parts: {
    cloud: Child<CloudReady>;
    staff: StaffClient;
    site: WillingSite;
    folder: string;
    postgres: Engine | null;
    hookUrl: string;
    helpers: readonly { close(): Promise<void> }[];
  }) {
    this.hookUrl = parts.hookUrl;
    this.#helpers = parts.helpers;
    this.cloud = parts.cloud;
    this.staff = parts.staff;
    this.site = parts.site;
    this.#folder = parts.folder;
    this.#postgres = parts.postgres;
  }

  static async start(engine: DatabaseEngine): Promise<CloudUnderFire> {
    const folder = mkdtempSync(join(tmpdir(), 'pilegate-fuzz-'));
    const postgres = engine === 'postgresql' ? await startPostgres() : null;
    const receiver = await startWebhookReceiver();
    const bench = await startBench();
    const cloud = await startChild<CloudReady>({
      name: 'cloud',
      program: 'cloud/main.ts',
      logFile: join(folder, 'cloud.log'),
      env: {
        PILEGATE_DATA_DIR: folder,
        PILEGATE_HTTP_PORT: '0',
        PILEGATE_MQTT_PORT: '0',
        PILEGATE_RATE_LIMITS: NO_LIMITS,
        PILEGATE_TRUSTED_PROXIES: '127.0.0.1',
        // Further owners come by the token: each has codes of their own to confirm with.
        PILEGATE_STAFF_TOKEN: 'recovery',
        PILEGATE_WEBHOOK_DEV_ALLOW: receiver.hostPort,
        PILEGATE_SANDBOX_RIGS: `fuzz-site=${bench.url}`,
        PILEGATE_START_TIMEOUT_S: '15',
        ...(postgres === null ? {} : { DATABASE_URL: postgres.url }),
      },
    });
    const staff = new StaffClient(cloud.ready.httpUrl, folder);
    const made = await newSite(staff, 'fuzz-site', CONNECTOR_IDS);
    await newSite(staff, 'victim-site', ['victim-c0', 'victim-c1']);
    await staff.publishTariff(['fuzz-site'], exampleTariff);
    const stage = {
      siteId: 'fuzz-site',
      shard: made.shard,
      brokerPassword: made.broker_password,
      connectorIds: CONNECTOR_IDS,
    };
    const site = await WillingSite.connect(cloud.ready.brokerUrl, stage);
    const helpers = [receiver, bench];
    return new CloudUnderFire({ cloud, staff, site, folder, postgres, hookUrl: receiver.url, helpers });
  }

  /** Lends a connector that nobody else has. Waits until there is one. */
  async withConnector(work: (connectorId: string) => Promise<void>): Promise<void> {
    let connectorId = this.#free.shift();
    for (; connectorId === undefined; connectorId = this.#free.shift())
      await new Promise((resolve) => setTimeout(resolve, 50));
    try {
      await work(connectorId);
    } finally {
      this.#free.push(connectorId);
    }
  }

  /** A partner of its own with a key for everything. */
  async newKey(partnerId: string): Promise<NamedKey> {
    await this.staff.call('POST', '/staff/v1/partners', { partner_id: partnerId, name: partnerId });
    const wish = { environment: 'sandbox', scopes: ALL_SCOPES };
    const key: SigningKey = await this.staff.call('POST', `/staff/v1/partners/${partnerId}/keys`, wish);
    return { partnerId, key };
  }

  get staffToken(): string {
    return readFileSync(join(this.#folder, 'keys', 'staff.token'), 'utf8').trim();
  }

  /** Memory of the process that is in use, and the most that ever was. */
  memoryMiB(): { now: number; most: number } {
    const status = readFileSync(`/proc/${this.cloud.pid}/status`, 'utf8');
    const read = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024);
    return { now: read('VmRSS'), most: read('VmHWM') };
  }

  /** Every line of its log; one that is no JSON object is an error of level 60. */
  log(): LogLine[] {
    return readFileSync(join(this.#folder, 'cloud.log'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line): LogLine => {
        try {
          return JSON.parse(line);
        } catch {
          return { level: 60, msg: `no JSON: ${line.slice(0, 200)}` };
        }
      });
  }

  /** Ends the process. What is in the database afterwards, and what of that should not be. */
  async finish(accepted: ReadonlySet<string>): Promise<{ operations: number; orders: number; complaints: string[] }> {
    await this.site.close();
    await this.cloud.stop();
    const location =
      this.#postgres === null
        ? ({ engine: 'pglite', folder: join(this.#folder, 'db') } as const)
        : ({ engine: 'postgresql', url: this.#postgres.url } as const);
    const db = await connect(location, () => undefined);
    try {
      return await whatIsLeft(db, accepted);
    } finally {
      await db.destroy();
    }
  }

  /** Also after a failure. */
  async stop(): Promise<void> {
    await this.site.close().catch(() => undefined);
    await this.cloud.stop();
    await this.#postgres?.stop();
    for (const helper of this.#helpers) await helper.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
