import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Stage, setTheStage, staffPost } from '../../cloud/testing/fixtures.ts';
import { createTestClock } from '../../cloud/testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { IdentityFolder } from '../../edge/link/identity/identity-folder.ts';
import { openIdentifiedSite } from './identified-site.ts';

/** Goal: what a site and the cloud think of its credentials is the same, over real HTTP, a real broker and a real database. */

const DAY_MS = 86_400_000;
const clock = createTestClock();
let cloud: TestCloud;
let runs = 0;
beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());

const staff = (path: string, body: object) => staffPost(cloud.app, cloud.staffToken, path, body);

async function aClaimedSite(): Promise<{ stage: Stage; dataDir: string; claimCode: string }> {
  runs += 1;
  const stage = await setTheStage(cloud, { name: `contract-identity${runs}`, tariff: null });
  const dataDir = mkdtempSync(join(tmpdir(), 'pilegate-identity-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const { claim_code: claimCode } = await staff(`/staff/v1/sites/${stage.siteId}/claims`, { requested_by: 'wang' });
  return { stage, dataDir, claimCode };
}

const openSite = ({ siteId, shard }: Stage, dataDir: string) =>
  openIdentifiedSite({
    siteId,
    shard,
    dataDir,
    kind: 'password',
    brokerUrl: cloud.brokerUrl,
    claimUrl: cloud.httpUrl,
    authority: null,
    monoMs: clock.monoMs,
  });

const credentialsOf = async (siteId: string) =>
  cloud.context.db
    .selectFrom('site_credentials')
    .select(['fingerprint', 'granted_by', 'proven_at_ms', 'end_reason'])
    .where('site_id', '=', siteId)
    .orderBy('number')
    .execute();

test('SY-06 a new box waits for its claim code, gets a credential for it, renews that in time, and comes back after a revocation', {
  timeout: 60_000,
}, async () => {
  const { stage, dataDir, claimCode } = await aClaimedSite();
  const { link, identity } = openSite(stage, dataDir);
  const folder = new IdentityFolder(dataDir);
  expect(link.isOpen).toBe(false);
  folder.putClaim(claimCode);
  await expect.poll(() => link.isOpen).toBe(true);
  const first = identity.fingerprint();
  await expect
    .poll(async () => (await credentialsOf(stage.siteId)).at(-1))
    .toMatchObject({
      fingerprint: first,
      granted_by: 'claim',
      proven_at_ms: expect.any(Number),
    });
  const stored = readFileSync(join(dataDir, 'identity', 'identity.json'), 'utf8');
  const { password } = JSON.parse(stored).current?.secret ?? JSON.parse(stored).next.secret;
  const dump = JSON.stringify([
    await cloud.context.db.selectFrom('site_credentials').selectAll().execute(),
    await cloud.context.db.selectFrom('site_claims').selectAll().execute(),
  ]);
  expect([dump.includes(password), dump.includes(claimCode)], 'no secret is in the database').toEqual([false, false]);

  clock.advance(61 * DAY_MS);
  await expect.poll(() => link.isOpen && identity.fingerprint() !== first).toBe(true);
  await expect
    .poll(async () => (await credentialsOf(stage.siteId)).slice(-2).map(({ end_reason }) => end_reason))
    .toEqual(['replaced', null]);

  await staff(`/staff/v1/sites/${stage.siteId}/credentials/revoke`, { requested_by: 'wang', reason: 'stolen' });
  await expect.poll(() => link.isOpen).toBe(false);
  const again = await staff(`/staff/v1/sites/${stage.siteId}/claims`, { requested_by: 'wang' });
  clock.advance(60_000);
  folder.putClaim(again.claim_code);
  await expect.poll(() => link.isOpen).toBe(true);
});

test('SY-06 a copy of a box that comes with the same code is refused and alarmed, and the first goes on', {
  timeout: 30_000,
}, async () => {
  const { stage, dataDir, claimCode } = await aClaimedSite();
  const copy = mkdtempSync(join(tmpdir(), 'pilegate-identity-'));
  onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
  new IdentityFolder(dataDir).putClaim(claimCode);
  const { link } = openSite(stage, dataDir);
  await expect.poll(() => link.isOpen).toBe(true);
  new IdentityFolder(copy).putClaim(claimCode);
  const second = openSite(stage, copy);
  await expect.poll(() => new IdentityFolder(copy).claim()).toBe(null);
  expect([link.isOpen, second.link.isOpen]).toEqual([true, false]);
  await cloud.context.intrusions.idle();
  const alarms = await cloud.context.db
    .selectFrom('alarms')
    .select('code')
    .where('site_id', '=', stage.siteId)
    .execute();
  expect(alarms).toEqual([{ code: 'claim-used-twice' }]);
});
