import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { upTopic } from '#shared/wire/topics.ts';
import { DENIED_TOPIC } from '../../cloud/broker/broker-topics.ts';
import { certifyNewKey, makeAuthority, openAuthority } from '../../cloud/sites/authority.ts';
import { type Stage, setTheStage, staffPost } from '../../cloud/testing/fixtures.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { alarm, at } from '../../edge/ledger/testing.ts';
import { IdentityFolder } from '../../edge/link/identity/identity-folder.ts';
import { makeAuthorityFiles } from '../../scripts/authority/make-files.ts';
import { openIdentifiedSite } from '../contract/identified-site.ts';
import { findMosquitto, freePort, isLeftOut, startMosquittoWith } from './engines.ts';
import { startRig } from './rig.ts';

/** Goal: on Mosquitto every device proves itself by a certificate of its own, and speaks for no other. */

const mosquitto = findMosquitto();
const leftOut = isLeftOut(mosquitto, 'certificates on Mosquitto', 'Install it: apt-get install mosquitto');
const patience = { timeout: 15_000, interval: 50 };
const DAY_MS = 86_400_000;

/** Mosquitto with an authority of its own, as `npm run make:authority` sets it up. */
async function startBroker({ hasPlugin = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-authority-'));
  const pidFile = join(folder, 'mosquitto.pid');
  const port = await freePort();
  const brokerHosts = ['localhost', '127.0.0.1'];
  await makeAuthorityFiles({ folder, brokerHosts, port, address: '127.0.0.1', pidFile, hasPlugin, nowMs: Date.now() });
  // Started as root it would give up its rights, and could not read its key.
  if (process.getuid?.() === 0) appendFileSync(join(folder, 'mosquitto.conf'), 'user root\n');
  const start = () => startMosquittoWith(mosquitto ?? '', join(folder, 'mosquitto.conf'), port);
  let broker = await start();
  return {
    folder,
    pidFile,
    url: `mqtts://localhost:${port}`,
    authority: readFileSync(join(folder, 'authority.crt'), 'utf8'),
    end: () => broker.stop(),
    async startAgain() {
      broker = await start();
    },
    async stop() {
      await broker.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
type Broker = Awaited<ReturnType<typeof startBroker>>;

/** What a cloud on another machine has of that: neither the broker's files nor its process id. */
function folderElsewhere({ folder }: Broker): string {
  const elsewhere = mkdtempSync(join(tmpdir(), 'pilegate-cloud-tls-'));
  for (const name of ['authority.crt', 'authority.key', 'cloud.crt', 'cloud.key'])
    copyFileSync(join(folder, name), join(elsewhere, name));
  return elsewhere;
}

describe.skipIf(leftOut)('with Mosquitto', () => {
  let broker: Broker;
  let cloud: TestCloud;
  let cloudFolder: string;
  let runs = 0;

  beforeAll(async () => {
    broker = await startBroker();
    cloudFolder = folderElsewhere(broker);
    cloud = await startTestCloud({ config: { brokerUrl: broker.url, brokerTlsDir: cloudFolder } });
  });
  afterAll(async () => {
    await cloud?.stop();
    await broker?.stop();
    if (cloudFolder !== undefined) rmSync(cloudFolder, { recursive: true, force: true });
  });

  const staff = (path: string, body: object) => staffPost(cloud.app, cloud.staffToken, path, body);
  const claimFor = async ({ siteId }: Stage, at = cloud): Promise<string> =>
    (await staffPost(at.app, at.staffToken, `/staff/v1/sites/${siteId}/claims`, { requested_by: 'wang' })).claim_code;
  const revoke = (stage: Stage) =>
    staff(`/staff/v1/sites/${stage.siteId}/credentials/revoke`, { requested_by: 'wang', reason: 'stolen' });

  /** A site whose edge has claimed its certificate and is connected with it. */
  async function aSite(its = cloud, { url: brokerUrl, authority } = broker) {
    runs += 1;
    const stage = await setTheStage(its, { name: `mtls${runs}`, tariff: null });
    const dataDir = mkdtempSync(join(tmpdir(), 'pilegate-identity-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const identityFolder = new IdentityFolder(dataDir);
    identityFolder.putClaim(await claimFor(stage, its));
    const time = { aheadMs: 0 };
    const { siteId, shard } = stage;
    const monoMs = () => performance.now() + time.aheadMs;
    const parts = {
      siteId,
      shard,
      dataDir,
      brokerUrl,
      claimUrl: its.httpUrl,
      authority,
      monoMs,
    };
    const edge = openIdentifiedSite({ ...parts, kind: 'certificate' });
    await expect.poll(() => edge.link.isOpen, patience).toBe(true);
    return { stage, dataDir, identityFolder, time, ...edge };
  }
  type Site = Awaited<ReturnType<typeof aSite>>;

  /** What the box holds at present. */
  function held({ dataDir }: Site) {
    const { current } = JSON.parse(readFileSync(join(dataDir, 'identity', 'identity.json'), 'utf8'));
    return { key: current.secret.privateKey as string, cert: current.grant.certificate as string };
  }
  const heldByCloud = () => {
    const read = (name: string) => readFileSync(join(broker.folder, name), 'utf8');
    return { key: read('cloud.key'), cert: read('cloud.crt') };
  };
  async function connectAs(
    login: { key?: string; cert?: string },
    clientId: string,
    { url, authority } = broker,
    reconnectPeriod = 0,
  ) {
    const client = await mqtt.connectAsync(url, {
      ...login,
      ca: authority,
      clientId,
      protocolVersion: 4,
      reconnectPeriod,
      connectTimeout: 5_000,
    });
    onTestFinished(() => client.endAsync(true).then(() => {}));
    return client;
  }
  const alarmsOf = (site: Site) =>
    cloud.context.db
      .selectFrom('alarms')
      .select(['code', 'detail'])
      .where('site_id', '=', site.stage.siteId)
      .where('code', '=', 'foreign-topic')
      .execute();
  const isLetIn = (login: { key?: string; cert?: string }) =>
    connectAs(login, `look-${crypto.randomUUID()}`).then(
      () => true,
      () => false,
    );

  test('SY-06 a site claims a certificate over a key that never leaves it, and renews it with overlap', async () => {
    const site = await aSite();
    const first = held(site);
    expect(statSync(join(site.dataDir, 'identity', 'identity.json')).mode & 0o777).toBe(0o600);
    const rows = JSON.stringify(await cloud.context.db.selectFrom('site_credentials').selectAll().execute());
    expect([rows.includes('BEGIN CERTIFICATE'), rows.includes('PRIVATE KEY')]).toEqual([true, false]);
    const fingerprint = site.identity.fingerprint();

    site.time.aheadMs = 61 * DAY_MS;
    await expect.poll(() => site.link.isOpen && site.identity.fingerprint() !== fingerprint, patience).toBe(true);
    const second = held(site);
    expect(second.key).not.toBe(first.key);
    await expect.poll(() => isLetIn(first), patience).toBe(false);
    expect([await isLetIn(second), site.link.isOpen]).toEqual([true, true]);
  });

  test('SY-06 a site that publishes as another, or listens to it, reaches nobody, and its link goes on', async () => {
    const [good, bad] = [await aSite(), await aSite()];
    const intruder = await connectAs(held(bad), `${bad.stage.siteId}/x`);
    const heard: string[] = [];
    intruder.on('message', (topic) => heard.push(topic));
    await intruder.subscribeAsync(['#', `pilegate/v1/+/${good.stage.siteId}/down/+`]);
    const lettersBefore = await cloud.context.db.selectFrom('dead_letters').selectAll().execute();
    await intruder.publishAsync(upTopic(good.stage.shard, good.stage.siteId, 'hello'), 'forged', { qos: 1 });
    await intruder.publishAsync(`pilegate/v1/00/${good.stage.siteId}/down/command`, 'forged', { qos: 1 });
    // Under its own name and in its own shard it is heard, on the same connection.
    await intruder.publishAsync(upTopic(bad.stage.shard, bad.stage.siteId, 'state'), 'not json', { qos: 1 });
    await expect.poll(() => heard.filter((topic) => topic.endsWith('down/nack')).length, patience).toBe(1);
    // An answer for the other site goes past this one.
    good.link.askTime();
    await expect.poll(() => good.link.isOpen, patience).toBe(true);
    const letters = await cloud.context.db.selectFrom('dead_letters').selectAll().execute();
    const added = letters.slice(lettersBefore.length).map((row) => row.site_id);
    expect(added).toEqual([bad.stage.siteId]);
    expect(heard.filter((topic) => !topic.includes(`/${bad.stage.siteId}/`))).toEqual([]);
    expect(intruder.connected).toBe(true);
  });

  test('SY-06 a site that publishes as another is told to staff once, however often it does, and what it says of itself is acknowledged afterwards', async () => {
    const [good, bad] = [await aSite(), await aSite()];
    const own = await connectAs(held(bad), `${bad.stage.siteId}/x`);
    const watcher = await connectAs(heldByCloud(), 'watcher');
    let told = 0;
    watcher.on('message', () => {
      told += 1;
    });
    await watcher.subscribeAsync(DENIED_TOPIC);
    const beganAtMs = performance.now();
    let closed = 0;
    own.on('close', () => {
      closed += 1;
    });
    const topic = upTopic(good.stage.shard, good.stage.siteId, 'batch');
    for (let n = 0; n < 200; n += 1) await own.publishAsync(topic, 'forged', { qos: n % 2 === 0 ? 0 : 1 });
    // Nobody can put the blame on somebody else.
    await own.publishAsync(DENIED_TOPIC, `${good.stage.siteId}\n${topic}`, { qos: 1 });
    await expect.poll(() => alarmsOf(bad), patience).toEqual([{ code: 'foreign-topic', detail: topic }]);
    expect(told, 'once a second').toBeLessThanOrEqual(2 + (performance.now() - beganAtMs) / 1000);
    bad.ledger.commit({ session: null, records: [alarm(1)] }, at);
    await expect.poll(() => bad.ledger.ackedSeq(), patience).toBe(bad.ledger.headSeq());
    expect([own.connected, closed, bad.link.isOpen, good.link.isOpen]).toEqual([true, 0, true, true]);
    expect([(await alarmsOf(bad)).length, await alarmsOf(good)]).toEqual([1, []]);
  });

  test('SY-06 revoked on another machine, every link of a site is cut, under whatever name, and none comes back', async () => {
    const site = await aSite();
    const stolen = held(site);
    const names = [`${site.stage.siteId}/trial`, 'nobody-knows-this-name'];
    const copies = await Promise.all(names.map((name) => connectAs(stolen, name)));
    const heard: string[] = [];
    for (const copy of copies) {
      copy.on('message', (topic) => heard.push(topic));
      await copy.subscribeAsync(`pilegate/v1/+/${site.stage.siteId}/down/+`);
    }
    expect(await revoke(site.stage)).toMatchObject({ link_cut: true });
    await expect.poll(() => copies.map((copy) => copy.connected), patience).toEqual([false, false]);
    expect([await isLetIn(stolen), site.link.isOpen]).toEqual([false, false]);
    expect(heard).toEqual([]);
  });

  test('SY-06 what is revoked while the broker is away holds as soon as it is back', async () => {
    const [site, other] = [await aSite(), await aSite()];
    const stolen = held(site);
    const copy = await connectAs(stolen, 'copy', broker, 30);
    let cameBack = 0;
    copy.on('connect', () => {
      cameBack += 1;
    });
    await broker.end();
    expect(await revoke(site.stage)).toMatchObject({ link_cut: false });
    await broker.startAgain();
    await expect.poll(() => cameBack, { ...patience, interval: 5 }).toBe(1);
    await expect.poll(() => isLetIn(stolen), patience).toBe(false);
    await expect.poll(() => [other.link.isOpen, copy.connected], patience).toEqual([true, false]);
    expect(site.link.isOpen).toBe(false);
  });

  test('SY-06 revoked, a certificate is refused at once, its link is cut, others go on, and a new claim brings the site back', async () => {
    const [other, site] = [await aSite(), await aSite()];
    const stolen = held(site);
    expect(await revoke(site.stage)).toMatchObject({ link_cut: true });
    await expect.poll(() => site.link.isOpen, patience).toBe(false);
    expect([await isLetIn(stolen), await isLetIn(held(other)), other.link.isOpen]).toEqual([false, true, true]);
    site.identityFolder.putClaim(await claimFor(site.stage));
    site.time.aheadMs += 60_000;
    await expect.poll(() => site.link.isOpen, patience).toBe(true);
    expect([await isLetIn(stolen), await isLetIn(held(site))]).toEqual([false, true]);
  });

  test('SY-06 nobody comes in without a certificate, with one of another authority, one that has expired, or that of the broker', async () => {
    const nowMs = Date.now();
    const wish = { commonName: 'a', use: 'client', serial: '0a', fromMs: nowMs, untilMs: nowMs + DAY_MS } as const;
    const foreign = await openAuthority(await makeAuthority('Pilegate', '01', nowMs, nowMs + DAY_MS));
    const own = await openAuthority({
      key: readFileSync(join(broker.folder, 'authority.key'), 'utf8'),
      certificate: broker.authority,
    });
    const made = async (...args: Parameters<typeof certifyNewKey>) => {
      const { key, certificate } = await certifyNewKey(...args);
      return { key, cert: certificate };
    };
    const server = {
      key: readFileSync(join(broker.folder, 'broker.key'), 'utf8'),
      cert: readFileSync(join(broker.folder, 'broker.crt'), 'utf8'),
    };
    const cases = {
      nothing: {},
      foreign: await made(foreign, wish),
      expired: await made(own, { ...wish, fromMs: nowMs - DAY_MS, untilMs: nowMs - 1_000 }),
      server,
    };
    for (const [name, login] of Object.entries(cases)) expect(await isLetIn(login), name).toBe(false);
    expect(await isLetIn(await made(own, wish)), 'the same, as it should be').toBe(true);
  });

  test('SY-06 a certificate of a site does not make a broker: the edge turns away from it', async () => {
    const site = await aSite();
    const { createServer } = await import('node:tls');
    const { key, cert } = held(site);
    const server = createServer({ key, cert });
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const attempt = mqtt.connectAsync(`mqtts://127.0.0.1:${port}`, {
      ca: broker.authority,
      reconnectPeriod: 0,
    });
    await expect(attempt).rejects.toThrow(/purpose/);
  });

  test('SY-06 without the plugin, on one machine, the links that a site is known to have are cut, that over its first way too', {
    timeout: 60_000,
  }, async () => {
    const own = await startBroker({ hasPlugin: false });
    onTestFinished(() => own.stop());
    const config = { brokerUrl: own.url, brokerTlsDir: own.folder, brokerPidFile: own.pidFile };
    const here = await startTestCloud({ config });
    onTestFinished(() => here.stop());
    const site = await aSite(here, own);
    const [life] = await here.context.db.selectFrom('site_lives').select('life_id').execute();
    const trial = await connectAs(held(site), `${site.stage.siteId}/${life?.life_id}/trial`, own);
    const end = { requested_by: 'wang', reason: 'stolen' };
    const path = `/staff/v1/sites/${site.stage.siteId}/credentials/revoke`;
    expect(await staffPost(here.app, here.staffToken, path, end)).toMatchObject({ link_cut: true });
    await expect.poll(() => [site.link.isOpen, trial.connected], patience).toEqual([false, false]);
  });

  test('SY-06 a whole station, each part a process of its own, comes up by its claim code over certificates', {
    timeout: 60_000,
  }, async () => {
    const own = await startBroker();
    onTestFinished(() => own.stop());
    const rig = await startRig(
      { BROKER_URL: own.url, PILEGATE_BROKER_TLS_DIR: own.folder, PILEGATE_BROKER_PID_FILE: own.pidFile },
      { authorityFile: join(own.folder, 'authority.crt') },
    );
    onTestFinished(() => rig.stop());
    const isOnline = async () => (await rig.client.get('/v1/stations')).body.stations[0].online;
    await expect.poll(isOnline, { timeout: 20_000, interval: 200 }).toBe(true);
    await rig.station.edge.stop();
    await rig.station.restartEdge();
    const reasons = { requested_by: 'wang', reason: 'stolen' };
    await expect.poll(isOnline, { timeout: 20_000, interval: 200 }).toBe(true);
    const revoked = await rig.station.staff.call('POST', '/staff/v1/sites/demo/credentials/revoke', reasons);
    expect(revoked).toMatchObject({ link_cut: true });
    await expect.poll(isOnline, { timeout: 20_000, interval: 200 }).toBe(false);
  });
});
