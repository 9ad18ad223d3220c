import mqtt from 'mqtt';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { upTopic } from '#shared/wire/topics.ts';
import { sha256Hex } from '../canonical-json.ts';
import { createTogether } from '../ingest/together.ts';
import { systemRandom } from '../random.ts';
import { connectFakeEdge, type FakeEdge } from '../testing/fake-edge.ts';
import { type Stage, setTheStage } from '../testing/fixtures.ts';
import { silentDown } from '../testing/silent-down.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

const DAY_MS = 86_400_000;
const clock = createTestClock();
let cloud: TestCloud;
const edges: FakeEdge[] = [];
let runs = 0;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());
afterEach(async () => {
  await Promise.all(edges.splice(0).map((edge) => edge.close()));
});

async function call(method: 'GET' | 'POST', path: string, body?: object, headers: Record<string, string> = {}) {
  const response = await cloud.app.inject({
    method,
    url: path,
    headers: {
      ...(path.startsWith('/staff/') ? { authorization: `Bearer ${cloud.staffToken}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  return { status: response.statusCode, headers: response.headers, body: response.json() };
}

/** A site of its own, with a password that staff gave it. */
function aSite(): Promise<Stage> {
  runs += 1;
  return setTheStage(cloud, { name: `identity${runs}`, tariff: null });
}
const newPassword = () => systemRandom.bytes(32).toString('base64url');
const wishOf = (password: string) => ({ kind: 'password', passwordSha256: sha256Hex(password) });
const claimFor = async (siteId: string, change: object = {}) =>
  (await call('POST', `/staff/v1/sites/${siteId}/claims`, { requested_by: 'wang', ...change })).body
    .claim_code as string;
const redeem = (siteId: string, claimCode: string, password: string) =>
  call('POST', '/site/v1/claims', { siteId, claimCode, wish: wishOf(password) });
const revoke = (siteId: string) =>
  call('POST', `/staff/v1/sites/${siteId}/credentials/revoke`, { requested_by: 'wang', reason: 'box stolen' });

async function connectWith(stage: Pick<Stage, 'siteId' | 'shard'>, password: string): Promise<FakeEdge> {
  const edge = await connectFakeEdge(cloud.brokerUrl, { ...stage, brokerPassword: password }, clock);
  edges.push(edge);
  return edge;
}
/** Whether the broker lets in who says this password. */
async function isLetIn(siteId: string, password: string): Promise<boolean> {
  const login = {
    clientId: `${siteId}/look`,
    username: siteId,
    password,
    reconnectPeriod: 0,
    protocolVersion: 4 as const,
  };
  try {
    await (await mqtt.connectAsync(cloud.brokerUrl, login)).endAsync(true);
    return true;
  } catch {
    return false;
  }
}
const alarmsOf = async (siteId: string) => {
  await cloud.context.intrusions.idle();
  const rows = await cloud.context.db
    .selectFrom('alarms')
    .selectAll()
    .where('site_id', '=', siteId)
    .orderBy('raised_at_ms')
    .execute();
  return rows.map(({ code, severity, source, detail }) => ({ code, severity, source, detail }));
};
const credentialsOf = async (siteId: string) => (await call('GET', `/staff/v1/sites/${siteId}/credentials`)).body;

test('SY-06 a new site gets a claim code that is shown once, and no password that somebody else knows', async () => {
  const site = await call('POST', '/staff/v1/sites', {
    site_id: 'claimed',
    name: 'Claimed',
    environment: 'sandbox',
    timezone: 'Asia/Shanghai',
    connectors: [{ connector_id: 'claimed-1', pile_id: 'p', model: 'sim', max_power_w: 7_000 }],
  });
  expect(site.body).toMatchObject({
    broker_password: null,
    claim_code: expect.stringMatching(/^([0-9A-Z]{5}-){3}[0-9A-Z]{5}$/),
  });
  const { claim_code: claimCode, shard } = site.body;
  const password = newPassword();
  expect(await isLetIn('claimed', password)).toBe(false);
  // As somebody types it from a sheet of paper.
  const typed = claimCode.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l');
  expect(await redeem('claimed', typed, password)).toMatchObject({
    status: 200,
    body: { siteId: 'claimed', shard, fingerprint: sha256Hex(password), expiresAtMs: clock.wallMs() + 90 * DAY_MS },
  });
  const edge = await connectWith({ siteId: 'claimed', shard }, password);
  await edge.hello({ credential: sha256Hex(password) });
  const { claims, credentials } = await credentialsOf('claimed');
  expect(credentials).toMatchObject([{ kind: 'password', granted_by: 'claim', proven_at: expect.any(String) }]);
  expect(claims).toMatchObject([{ redeemed_at: expect.any(String) }]);
  const stored = JSON.stringify(await cloud.context.db.selectFrom('site_claims').selectAll().execute());
  expect(stored).not.toContain(claimCode);
  expect(JSON.stringify({ claims, credentials })).not.toContain(claimCode);
});

test('SY-06 a code is used once: the same exchange is answered again, another one is refused and alarmed', async () => {
  const { siteId } = await aSite();
  const claimCode = await claimFor(siteId);
  const [first, second] = [newPassword(), newPassword()];
  const answer = await redeem(siteId, claimCode, first);
  expect(answer.status).toBe(200);
  expect((await redeem(siteId, claimCode, first)).body).toMatchObject({ fingerprint: answer.body.fingerprint });
  expect(await alarmsOf(siteId)).toEqual([]);
  expect(await redeem(siteId, claimCode, second)).toMatchObject({ status: 409, body: { code: 'claim.used' } });
  expect(await alarmsOf(siteId)).toMatchObject([
    { code: 'claim-used-twice', severity: 'critical', source: 'platform' },
  ]);
  expect([await isLetIn(siteId, first), await isLetIn(siteId, second)]).toEqual([true, false]);
});

test('SY-06 of two boxes that use one code at once one wins', async () => {
  const { siteId } = await aSite();
  const claimCode = await claimFor(siteId);
  const passwords = Array.from({ length: 6 }, newPassword);
  const answers = await Promise.all(passwords.map((password) => redeem(siteId, claimCode, password)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409]);
});

test('SY-06 a code of another site, an old one, and one that a newer one has replaced are refused', async () => {
  const [one, other] = [await aSite(), await aSite()];
  const replaced = await claimFor(one.siteId);
  const code = await claimFor(one.siteId, { valid_for_h: 1 });
  expect(await redeem(other.siteId, code, newPassword())).toMatchObject({
    status: 404,
    body: { code: 'claim.unknown' },
  });
  expect(await redeem(one.siteId, replaced, newPassword())).toMatchObject({
    status: 410,
    body: { code: 'claim.expired' },
  });
  clock.advance(3_600_000);
  expect(await redeem(one.siteId, code, newPassword())).toMatchObject({ status: 410, body: { code: 'claim.expired' } });
  expect(await call('POST', '/staff/v1/sites/nobody/claims', { requested_by: 'wang' })).toMatchObject({ status: 404 });
});

test('SY-06 who guesses codes has to wait, and a right one is heard after that', async () => {
  const { siteId } = await aSite();
  const code = await claimFor(siteId);
  clock.advance(61_000);
  const guesses: number[] = [];
  for (let n = 0; n < 22; n += 1) guesses.push((await redeem(siteId, `WRONG-${n}`, newPassword())).status);
  expect(guesses).toEqual([...Array.from({ length: 20 }, () => 404), 429, 429]);
  const refused = await redeem(siteId, code, newPassword());
  expect(refused).toMatchObject({ status: 429, body: { code: 'claim.too_many' } });
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  clock.advance(61_000);
  expect((await redeem(siteId, code, newPassword())).status).toBe(200);
});

test('SY-06 a renewal overlaps: both passwords are good until the site has said hello with the new one', async () => {
  const stage = await aSite();
  const [old, next] = [stage.brokerPassword, newPassword()];
  const edge = await connectWith(stage, old);
  const renewal = { v: 1, siteId: stage.siteId, wish: wishOf(next) };
  await edge.publish('renewal', renewal);
  const grant = { fingerprint: sha256Hex(next), certificate: null, expiresAtMs: clock.wallMs() + 90 * DAY_MS };
  expect(await edge.take('credential')).toMatchObject(grant);
  // Its answer was lost: it asks again.
  await edge.publish('renewal', renewal);
  expect(await edge.take('credential')).toMatchObject(grant);
  await edge.hello({ credential: sha256Hex(old) });
  expect([await isLetIn(stage.siteId, old), await isLetIn(stage.siteId, next)]).toEqual([true, true]);
  await edge.close();
  const after = await connectWith(stage, next);
  await after.hello({ credential: sha256Hex(next) });
  expect([await isLetIn(stage.siteId, old), await isLetIn(stage.siteId, next)]).toEqual([false, true]);
  expect((await credentialsOf(stage.siteId)).credentials.map((row: { end_reason: unknown }) => row.end_reason)).toEqual(
    expect.arrayContaining([null, 'replaced']),
  );
});

test('SY-06 a link that still uses the old password when the new one is proven is cut', async () => {
  const stage = await aSite();
  const next = newPassword();
  let closed = 0;
  const copy = await mqtt.connectAsync(cloud.brokerUrl, {
    clientId: `${stage.siteId}/copy`,
    username: stage.siteId,
    password: stage.brokerPassword,
    reconnectPeriod: 0,
  });
  copy.on('close', () => {
    closed += 1;
  });
  const edge = await connectWith(stage, stage.brokerPassword);
  await edge.publish('renewal', { v: 1, siteId: stage.siteId, wish: wishOf(next) });
  await edge.take('credential');
  await edge.close();
  const after = await connectWith(stage, next);
  await after.hello({ credential: sha256Hex(next) });
  await expect.poll(() => closed).toBe(1);
  await after.state(stage.connectorIds[0] ?? '');
});

test('SY-06 a site asks for few credentials a day, and of those that it never used only the last is good', async () => {
  const stage = await aSite();
  const edge = await connectWith(stage, stage.brokerPassword);
  const passwords = Array.from({ length: 19 }, newPassword);
  for (const password of passwords) {
    await edge.publish('renewal', { v: 1, siteId: stage.siteId, wish: wishOf(password) });
    await edge.take('credential');
  }
  await edge.publish('renewal', { v: 1, siteId: stage.siteId, wish: wishOf(newPassword()) });
  expect(await edge.take('nack')).toMatchObject({ code: 'credential.refused' });
  const letIn = await Promise.all([passwords[17] ?? '', passwords[18] ?? ''].map((one) => isLetIn(stage.siteId, one)));
  expect(letIn).toEqual([false, true]);
});

test('SY-06 an expired password is refused, and a claim brings the site back', async () => {
  const stage = await aSite();
  const [first, second] = [newPassword(), newPassword()];
  await redeem(stage.siteId, await claimFor(stage.siteId), first);
  clock.advance(90 * DAY_MS - 1);
  expect(await isLetIn(stage.siteId, first)).toBe(true);
  clock.advance(1);
  expect(await isLetIn(stage.siteId, first)).toBe(false);
  expect((await redeem(stage.siteId, await claimFor(stage.siteId), second)).status).toBe(200);
  expect(await isLetIn(stage.siteId, second)).toBe(true);
});

test('SY-06 revoked, a site is cut off at once and refused until a new claim is redeemed', async () => {
  const stage = await aSite();
  const open = await claimFor(stage.siteId);
  const edge = await connectWith(stage, stage.brokerPassword);
  await edge.hello();
  let closed = 0;
  const client = await mqtt.connectAsync(cloud.brokerUrl, {
    clientId: `${stage.siteId}/other`,
    username: stage.siteId,
    password: stage.brokerPassword,
    reconnectPeriod: 0,
  });
  client.on('close', () => {
    closed += 1;
  });
  expect(await revoke(stage.siteId)).toMatchObject({
    status: 200,
    body: { credentials_ended: 1, claims_cancelled: 1 },
  });
  await expect.poll(() => closed).toBe(1);
  expect(await isLetIn(stage.siteId, stage.brokerPassword)).toBe(false);
  expect((await redeem(stage.siteId, open, newPassword())).body).toMatchObject({ code: 'claim.expired' });
  expect(await alarmsOf(stage.siteId)).toMatchObject([{ code: 'credentials-revoked', detail: 'by wang: box stolen' }]);
  const password = newPassword();
  expect((await redeem(stage.siteId, await claimFor(stage.siteId), password)).status).toBe(200);
  const back = await connectWith(stage, password);
  await back.hello({ credential: sha256Hex(password) });
  expect(await credentialsOf(stage.siteId)).toMatchObject({ revoked_at: null });
});

test('SY-06 a renewal that is under way while its site is revoked gives nothing', async () => {
  const stage = await aSite();
  const { dispatch } = await import('../ingest/dispatch.ts');
  const said: string[] = [];
  const say = (kind: string) => () => Promise.resolve(void said.push(kind));
  const { issuer } = cloud.context;
  const context = {
    ...cloud.context,
    together: createTogether(cloud.context),
    issuer: {
      ...issuer,
      async issue(...wish: Parameters<typeof issuer.issue>) {
        const issued = await issuer.issue(...wish);
        await revoke(stage.siteId);
        return issued;
      },
    },
    down: {
      welcome: say('welcome'),
      hold: say('hold'),
      beat: say('beat'),
      diagnose: say('diagnose'),
      ack: say('ack'),
      command: say('command'),
      cancel: say('cancel'),
      document: say('document'),
      credential: say('credential'),
      nack: say('nack'),
    },
  };
  const password = newPassword();
  const renewal = Buffer.from(JSON.stringify({ v: 1, siteId: stage.siteId, wish: wishOf(password) }));
  const topic = upTopic(stage.shard, stage.siteId, 'renewal');
  await dispatch(context, { topic, payload: renewal, receivedAtMs: clock.wallMs() });
  expect(said).toEqual(['nack']);
  expect(await isLetIn(stage.siteId, password)).toBe(false);
  expect((await redeem(stage.siteId, await claimFor(stage.siteId), newPassword())).status).toBe(200);
  expect(await isLetIn(stage.siteId, password), 'nor when the site is back').toBe(false);
});

test('SY-06 what comes under the name of a revoked site by whatever broker is kept aside, alarmed, and changes nothing', async () => {
  const stage = await aSite();
  await revoke(stage.siteId);
  const { dispatch } = await import('../ingest/dispatch.ts');
  const nacks: object[] = [];
  const nack = (_site: object, message: object) => Promise.resolve(void nacks.push(message));
  const message = Buffer.from(
    JSON.stringify({ v: 1, siteId: stage.siteId, connectionEpoch: systemRandom.uuid(), online: true }),
  );
  const context = { ...cloud.context, down: silentDown({ nack }), together: createTogether(cloud.context) };
  const topic = upTopic(stage.shard, stage.siteId, 'state');
  for (let n = 0; n < 3; n += 1) await dispatch(context, { topic, payload: message, receivedAtMs: clock.wallMs() });
  expect(nacks).toMatchObject([{ code: 'credential.revoked' }, {}, {}]);
  const letters = await cloud.context.db
    .selectFrom('dead_letters')
    .select('code')
    .where('site_id', '=', stage.siteId)
    .execute();
  expect(letters.map(({ code }) => code)).toEqual(Array.from({ length: 3 }, () => 'credential.revoked'));
  expect((await alarmsOf(stage.siteId)).map(({ code }) => code)).toEqual([
    'credentials-revoked',
    'revoked-site-speaks',
  ]);
});

test('SY-06 who sends as another site is refused and alarmed, once in ten minutes with the count, and its own link goes on', async () => {
  const [good, bad] = [await aSite(), await aSite()];
  const edge = await connectWith(bad, bad.brokerPassword);
  for (let n = 0; n < 4; n += 1) await edge.publishTo(upTopic(good.shard, good.siteId, 'hello'), 'forged');
  expect(await edge.hello()).toMatchObject({ storeEpoch: edge.storeEpoch });
  expect(await alarmsOf(bad.siteId)).toMatchObject([
    { code: 'foreign-topic', severity: 'critical', detail: upTopic(good.shard, good.siteId, 'hello') },
  ]);
  clock.advance(600_000);
  await edge.publishTo(upTopic(good.shard, good.siteId, 'hello'), 'forged');
  await edge.hello();
  expect((await alarmsOf(bad.siteId))[1]?.detail).toContain('and 3 more');
  expect(await alarmsOf(good.siteId)).toEqual([]);
});

test('SY-06 a message that speaks of another site than its topic is kept aside, alarmed and answered', async () => {
  const [good, bad] = [await aSite(), await aSite()];
  const edge = await connectWith(bad, bad.brokerPassword);
  await edge.publish('presence', { v: 1, siteId: good.siteId, connectionEpoch: systemRandom.uuid(), online: false });
  expect(await edge.take('nack')).toMatchObject({ code: 'wire.wrong_site' });
  expect(await alarmsOf(bad.siteId)).toMatchObject([{ code: 'foreign-payload', severity: 'critical' }]);
});
