import { expect } from 'vitest';
import type { DocumentKind, DocumentStatus } from '#shared/documents.ts';
import type { DocumentPush, Hello } from '#shared/wire/messages.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { systemRandom } from '../random.ts';
import { sweepRollouts } from '../rollouts/sweep.ts';
import { connectFakeEdge, type FakeEdge } from './fake-edge.ts';
import { exampleTariff, staffPost } from './fixtures.ts';
import type { Answer } from './partner-client.ts';
import type { TestClock } from './test-clock.ts';
import type { TestCloud } from './test-cloud.ts';

/** A schedule of tariffs; as a roll-out numbers it itself, its version matters only where it is put for one site. */
export const schedule = (name: string, version = 1) => ({
  version,
  currency: 'CNY',
  bounds: { leastPriceE4: 1000, mostPriceE4: 30_000 },
  tariffs: [
    { from: '2026-01-01T00:00:00+08:00', until: null, tariff: { ...exampleTariff, tariffId: `fleet-${name}` } },
  ],
});

interface Member {
  readonly siteId: string;
  readonly shard: number;
  readonly brokerPassword: string;
  edge: FakeEdge;
  inForce: NonNullable<Hello['documents']>;
}

/** Sites that are on the line and say what becomes of documents as the test tells them to. Time goes on only by `pass`. */
export class DocumentFleet {
  readonly #cloud: TestCloud;
  readonly #clock: TestClock;
  readonly members: Member[] = [];

  private constructor(cloud: TestCloud, clock: TestClock) {
    this.#cloud = cloud;
    this.#clock = clock;
  }

  /** @param inForce what each site has in force at first; null: nothing */
  static async open(
    cloud: TestCloud,
    clock: TestClock,
    { name, count, inForce = schedule('before') }: { name: string; count: number; inForce?: object | null },
  ): Promise<DocumentFleet> {
    const fleet = new DocumentFleet(cloud, clock);
    for (let i = 0; i < count; i++) {
      const siteId = `${name}-${i}`;
      const site = await staffPost(cloud.app, cloud.staffToken, '/staff/v1/sites', {
        site_id: siteId,
        name: siteId,
        environment: 'sandbox',
        timezone: 'Asia/Shanghai',
        login: 'password',
        connectors: [{ connector_id: `${siteId}-c`, pile_id: `${siteId}-p`, model: 'sim', max_power_w: 7000 }],
      });
      const login = { siteId, shard: site.shard, brokerPassword: site.broker_password };
      const edge = await connectFakeEdge(cloud.brokerUrl, login, clock);
      await edge.hello();
      fleet.members.push({ ...login, edge, inForce: [] });
    }
    if (inForce !== null)
      for (const i of fleet.members.keys()) {
        await fleet.staff('POST', `/sites/${fleet.siteId(i)}/documents`, {
          document_kind: 'tariffs',
          text: JSON.stringify(inForce),
          requested_by: 'Li Na',
        });
        await fleet.answer(i, 'active');
      }
    return fleet;
  }

  member(i: number): Member {
    const member = this.members[i];
    if (member === undefined) throw new Error(`no site ${i}`);
    return member;
  }

  siteId = (i: number): string => this.member(i).siteId;

  /** Documents that a site has heard of, the first one included. */
  heard = (i: number): number => this.member(i).edge.heard('document');

  async staff(method: 'GET' | 'POST', path: string, body?: object): Promise<Pick<Answer, 'status' | 'body'>> {
    const response = await this.#cloud.app.inject({
      method,
      url: `/staff/v1${path}`,
      headers: {
        authorization: `Bearer ${this.#cloud.staffToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    });
    return { status: response.statusCode, body: response.json() };
  }

  /** Waits for the next document of a site, and says what became of it. */
  async answer(i: number, status: DocumentStatus, detail: string | null = null): Promise<DocumentPush> {
    const push = await this.member(i).edge.take('document');
    await this.report(i, push, status, detail);
    return push;
  }

  async report(
    i: number,
    { documentKind, version, digest }: { documentKind: DocumentKind; version: number; digest: string },
    status: DocumentStatus,
    detail: string | null = null,
  ): Promise<void> {
    if (status === 'active') this.member(i).inForce = [{ documentKind, version, digest }];
    const source = 'cloud';
    await this.member(i).edge.record({
      kind: 'document.reported',
      documentKind,
      version,
      digest,
      source,
      status,
      detail,
    });
  }

  async raiseAlarm(i: number, severity: 'critical' | 'warning', agoMs = 0): Promise<void> {
    const { edge } = this.member(i);
    const body: RecordOf<'alarm.raised'> = {
      kind: 'alarm.raised',
      alarmId: systemRandom.uuid(),
      code: severity === 'critical' ? 'site-emergency-stop' : 'config-refused',
      severity,
      pileId: null,
      connectorId: null,
      sessionId: null,
      detail: 'x',
    };
    await edge.batch([{ seq: edge.nextSeq(), at: edge.stamp(this.#clock.wallMs() - agoMs), body }]);
  }

  /** Somebody does under its name what it may not. */
  async intrude(i: number): Promise<void> {
    const { intrusions } = this.#cloud.context;
    intrusions.note({ siteId: this.siteId(i), code: 'foreign-topic', detail: 'x' });
    await intrusions.idle();
  }

  /** Time goes on; who is there says so. */
  async pass(ms: number, away: readonly number[] = []): Promise<void> {
    this.#clock.advance(ms);
    for (const [i, { siteId, edge }] of this.members.entries())
      if (!away.includes(i)) {
        await edge.state(`${siteId}-c`);
        const { db } = this.#cloud.context;
        const heard = () => db.selectFrom('site_links').select('heard_at_ms').where('site_id', '=', siteId);
        await expect
          .poll(async () => (await heard().executeTakeFirst())?.heard_at_ms, { interval: 10 })
          .toBe(this.#clock.wallMs());
      }
    await this.sweep();
  }

  /** One round at least, from here on: the cloud sweeps by itself as well, and whoever comes second leaves it to the first. */
  async sweep(): Promise<void> {
    await this.#noneUnderWay();
    await sweepRollouts(this.#cloud.context);
    await this.#noneUnderWay();
  }

  #noneUnderWay(): Promise<unknown> {
    const { db } = this.#cloud.context;
    const open = (trx: Trx) => trx.selectFrom('rollouts').select('rollout_id').where('finished_at_ms', 'is', null);
    return transaction(db, (trx) => open(trx).forUpdate().execute());
  }

  /** The site goes off the line, as at a power cut. */
  async goAway(i: number): Promise<void> {
    const { edge, siteId } = this.member(i);
    await edge.publish('presence', { v: 1, siteId, connectionEpoch: edge.connectionEpoch, online: false });
    await edge.close();
    const { db } = this.#cloud.context;
    const link = () => db.selectFrom('site_links').select('online').where('site_id', '=', siteId).executeTakeFirst();
    await expect.poll(async () => (await link())?.online, { interval: 10 }).toBe(false);
  }

  async comeBack(i: number, options: { isOld?: boolean } = {}): Promise<void> {
    const member = this.member(i);
    const { storeEpoch } = member.edge;
    const firstSeq = member.edge.nextSeq();
    member.edge = await connectFakeEdge(this.#cloud.brokerUrl, member, this.#clock, {
      storeEpoch,
      firstSeq,
      documents: member.inForce,
      ...options,
    });
    await member.edge.hello();
  }

  async close(): Promise<void> {
    for (const { edge } of this.members) await edge.close();
  }
}
