import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { exampleTariff, staffPost } from '../../cloud/testing/fixtures.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { EdgeProcess } from '../stand/edge-process.ts';
import { until } from '../stand/stand.ts';

/**
 * Goal: a mistake that goes out to ten sites reaches two of them, and is taken back there.
 * Method: ten real edges at a real cloud; no pile answers anywhere, which is nothing that a price list depends on.
 */

const SITES = 10;
const siteIdOf = (i: number): string => `fleet-${i}`;
/** The cloud believes that the second site has another connector, as after a pile was taken away. */
const connectorsOf = (i: number): string[] => [`F${i}-1`, ...(i === 1 ? ['F1-2'] : [])];

interface RealSite {
  readonly edge: EdgeProcess;
  readonly dataDir: string;
}

async function openSite(cloud: TestCloud, i: number): Promise<RealSite> {
  const siteId = siteIdOf(i);
  const folder = mkdtempSync(join(tmpdir(), `pilegate-${siteId}-`));
  const { shard, broker_password: password } = await staffPost(cloud.app, cloud.staffToken, '/staff/v1/sites', {
    site_id: siteId,
    name: siteId,
    environment: 'sandbox',
    timezone: exampleTariff.timezone,
    login: 'password',
    connectors: connectorsOf(i).map((id) => ({
      connector_id: id,
      pile_id: `${id}p`,
      model: 'keba',
      max_power_w: 11_000,
    })),
  });
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir);
  writeFileSync(join(folder, 'password'), password);
  const site = {
    siteId,
    dataDir: 'data',
    supplyLimitMa: 80_000,
    cloud: { brokerUrl: cloud.brokerUrl, shard, passwordFile: 'password' },
    lines: [{ lineId: 'tcp1', transport: 'tcp', host: '127.0.0.1', port: 9 }],
    piles: [
      { pileId: `F${i}`, connectorId: `F${i}-1`, profile: 'keba-p30', lineId: 'tcp1', unit: 255, limitMa: 16_000 },
    ],
  };
  writeFileSync(join(folder, 'site.json'), JSON.stringify(site));
  const edge = new EdgeProcess({ siteFile: join(folder, 'site.json'), logFile: join(folder, 'edge.log') });
  onTestFinished(async () => {
    await edge.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await edge.ready;
  return { edge, dataDir };
}

const scheduleOf = (tariffId: string, connectorIds?: string) => ({
  version: 1,
  currency: 'CNY',
  bounds: { leastPriceE4: 1000, mostPriceE4: 30_000 },
  tariffs: [{ from: '2026-01-01T00:00:00+08:00', until: null, connectorIds, tariff: { ...exampleTariff, tariffId } }],
});

test('SY-07 XC-04 a bad price list for ten real sites halts in the first wave and is taken back there; the others never see it', {
  timeout: 180_000,
}, async () => {
  const cloud = await startTestCloud();
  onTestFinished(() => cloud.stop());
  const sites: RealSite[] = [];
  // Two at a time: all at once would keep the machine busy for longer than it takes.
  for (let i = 0; i < SITES; i += 2) sites.push(...(await Promise.all([openSite(cloud, i), openSite(cloud, i + 1)])));
  const post = (path: string, body: object) => staffPost(cloud.app, cloud.staffToken, `/staff/v1${path}`, body);
  const get = async (path: string) => {
    const headers = { authorization: `Bearer ${cloud.staffToken}` };
    return (await cloud.app.inject({ method: 'GET', url: `/staff/v1${path}`, headers })).json();
  };
  const put = (i: number, document: object) =>
    post(`/sites/${siteIdOf(i)}/documents`, {
      document_kind: 'tariffs',
      text: JSON.stringify(document),
      requested_by: 'Li Na',
    });
  const pricesAt = async (i: number) => (await get(`/sites/${siteIdOf(i)}/documents`)).in_force;
  const versionAt = async (i: number): Promise<number | undefined> =>
    (await pricesAt(i)).find((one: { document_kind: string }) => one.document_kind === 'tariffs')?.version;
  const seenBy = (i: number) =>
    sites[i]?.edge.log
      .filter((line) => line.documentKind === 'tariffs')
      .map((line) => `${line.version ?? ''} ${line.msg}`);

  for (let i = 0; i < SITES; i++) await put(i, scheduleOf('before'));
  await until('all have their prices', 30_000, async () => {
    const versions = await Promise.all(sites.map((_, i) => versionAt(i)));
    return versions.every((version) => version === 1);
  });

  const { rollout_id: rolloutId } = await post('/rollouts', {
    request_id: 'winter',
    document_kind: 'tariffs',
    text: JSON.stringify(scheduleOf('winter', '{{connectors}}')),
    sites: sites.map((_, i) => ({ site_id: siteIdOf(i), values: { connectors: connectorsOf(i) } })),
    waves: [{ sites: 2 }, { percent: 50 }, { percent: 100 }],
    soak_s: 3600,
    answer_within_s: 600,
    away_after_s: 600,
    halt_at_failures: 1,
    reason: 'prices of the winter',
    requested_by: 'Li Na',
  });
  await until('it is over', 30_000, async () => (await get(`/rollouts/${rolloutId}`)).finished_at !== null);
  const rollout = await get(`/rollouts/${rolloutId}`);
  expect(rollout).toMatchObject({ state: 'halted', wave: 1, site_counts: { reverted: 1, failed: 1, queued: 8 } });
  expect(rollout.sites[1]).toMatchObject({ state: 'failed', detail: 'refused' });

  const inForce = 'document is in force';
  expect(seenBy(0)).toEqual([`1 ${inForce}`, `2 ${inForce}`, `3 ${inForce}`]);
  expect(seenBy(1)).toEqual([`1 ${inForce}`, ' document is refused']);
  for (let i = 2; i < SITES; i++) expect(seenBy(i), siteIdOf(i)).toEqual([`1 ${inForce}`]);
  expect(await Promise.all(sites.map((_, i) => versionAt(i)))).toEqual([3, 1, ...new Array(8).fill(1)]);
  const back = await get(`/sites/${siteIdOf(0)}/documents/tariffs/3`);
  expect(JSON.parse(back.text)).toEqual({ ...scheduleOf('before'), version: 3 });

  // Every edge has pinned the key that its cloud has told it. One with another key takes nothing from this cloud any more.
  const [key] = (await get('/document-keys')).keys;
  for (const { dataDir } of sites)
    expect(JSON.parse(readFileSync(join(dataDir, 'document-keys.json'), 'utf8')).keys).toMatchObject([
      { keyId: key.key_id },
    ]);
  const foreign = {
    serial: 1,
    keys: [{ keyId: '00000000000000ff', publicKey: Buffer.alloc(32, 1).toString('base64') }],
  };
  writeFileSync(join(sites[9]?.dataDir ?? '', 'document-keys.json'), JSON.stringify(foreign));
  await put(9, { ...scheduleOf('other'), version: 2 });
  await until('it is refused', 20_000, async () =>
    (await get(`/sites/${siteIdOf(9)}/documents`)).documents.some(
      (one: { code: string | null }) => one.code === 'document.unsigned',
    ),
  );
  expect(await versionAt(9)).toBe(1);
});
