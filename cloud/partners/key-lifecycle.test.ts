import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stage, setTheStage, staffPost } from '../testing/fixtures.ts';
import { createPartnerClient, type PartnerClient } from '../testing/partner-client.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;
let other: Stage;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  stage = await setTheStage(cloud, { name: 'keys' });
  other = await setTheStage(cloud, { name: 'other', tariff: null });
});
afterAll(() => cloud?.stop());

interface TestKey {
  readonly client: PartnerClient;
  readonly keyId: string;
}
const staff = (path: string, body: object, partnerId = stage.partnerId) =>
  staffPost(cloud.app, cloud.staffToken, `/staff/v1/partners/${partnerId}${path}`, body);
const clientOf = (key: { key_id: string; secret: string }): TestKey => ({
  client: createPartnerClient(cloud.app, clock, key),
  keyId: key.key_id,
});
const newKey = async (wish: object = {}): Promise<TestKey> =>
  clientOf(await staff('/keys', { environment: 'sandbox', scopes: ['read', 'keys'], ...wish }));
const codeOf = async ({ client }: TestKey) => (await client.call('GET', '/v1/stations')).body.code ?? 'taken';
const listed = async (keyId: string) => {
  const { body } = await (await newKey()).client.call('GET', '/v1/keys');
  return body.keys.find((key: { key_id: string }) => key.key_id === keyId);
};
const lastAudit = () =>
  cloud.context.db.selectFrom('audit_log').selectAll().orderBy('position', 'desc').limit(1).executeTakeFirstOrThrow();

test('OP-04 a rotated key and the next one are both good until the overlap is over', async () => {
  const former = await newKey({
    label: 'till',
    allowed_cidrs: ['127.0.0.0/8'],
    limits: { read: { per_minute: 99, burst: 9 } },
  });
  const made = await staff(`/keys/${former.keyId}/rotate`, { overlap_s: 60 });
  const next = clientOf(made);
  expect(made.former_ends_at).toBe(new Date(clock.wallMs() + 60_000).toISOString());
  expect([await codeOf(former), await codeOf(next)]).toEqual(['taken', 'taken']);
  expect(await listed(former.keyId)).toMatchObject({ state: 'replaced', replaced_by: next.keyId });
  const { label, scopes, limits, allowed_cidrs } = await listed(next.keyId);
  expect({ label, scopes, limits, allowed_cidrs }).toEqual({
    label: 'till',
    scopes: ['read', 'keys'],
    limits: { read: { per_minute: 99, burst: 9 } },
    allowed_cidrs: ['127.0.0.0/8'],
  });
  clock.advance(59_999);
  expect(await codeOf(former)).toBe('taken');
  clock.advance(1);
  expect([await codeOf(former), await codeOf(next)]).toEqual(['auth.unknown_key', 'taken']);
  expect((await listed(former.keyId)).state).toBe('expired');
});

test('OP-04 without an overlap the former key ends at once, and of two rotations at once one wins', async () => {
  const former = await newKey();
  const tries = await Promise.allSettled([1, 2, 3].map(() => staff(`/keys/${former.keyId}/rotate`, { overlap_s: 0 })));
  expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await codeOf(former)).toBe('auth.unknown_key');
});

test('OP-04 a rotation whose answer was lost is repeated, until the new key has been used', async () => {
  const former = await newKey();
  const lost = await staff(`/keys/${former.keyId}/rotate`, { overlap_s: 60 });
  clock.advance(10_000);
  const made = await staff(`/keys/${former.keyId}/rotate`, { overlap_s: 600 });
  expect(made.former_ends_at).toBe(lost.former_ends_at);
  expect([await codeOf(clientOf(lost)), await codeOf(former)]).toEqual(['auth.unknown_key', 'taken']);
  expect(await listed(former.keyId)).toMatchObject({ replaced_by: made.key_id });
  expect(await codeOf(clientOf(made))).toBe('taken');
  await expect(staff(`/keys/${former.keyId}/rotate`, { overlap_s: 60 })).rejects.toThrow('key.state');
  expect([await codeOf(clientOf(made)), await codeOf(former)]).toEqual(['taken', 'taken']);
});

test('OP-04 a disabled key can be enabled, a revoked one never works again', async () => {
  const key = await newKey();
  await staff(`/keys/${key.keyId}/disable`, { reason: 'who knows' });
  expect(await codeOf(key)).toBe('auth.unknown_key');
  expect(await listed(key.keyId)).toMatchObject({ state: 'disabled', ended_reason: 'who knows' });
  await staff(`/keys/${key.keyId}/enable`, { reason: 'found' });
  expect(await codeOf(key)).toBe('taken');
  await staff(`/keys/${key.keyId}/revoke`, { reason: 'stolen' });
  expect(await codeOf(key)).toBe('auth.unknown_key');
  await expect(staff(`/keys/${key.keyId}/enable`, { reason: 'x' })).rejects.toThrow('key.state');
  await expect(staff(`/keys/${key.keyId}/rotate`, { overlap_s: 9 })).rejects.toThrow('key.state');
  expect(await codeOf(key)).toBe('auth.unknown_key');
});

test('OP-04 a partner rotates and disables its own keys, and that is on record', async () => {
  const manager = await newKey();
  const { status, body } = await manager.client.call('POST', `/v1/keys/${manager.keyId}/rotate`, { overlap_s: 5 });
  expect(status).toBe(201);
  const next = clientOf(body);
  expect(await codeOf(next)).toBe('taken');
  const row = await lastAudit();
  expect(row).toMatchObject({ actor_kind: 'partner', actor_id: stage.partnerId, action: 'partner_key.rotate' });
  expect(row.detail).not.toContain(body.secret);
  const victim = await newKey();
  const ended = await next.client.call('POST', `/v1/keys/${victim.keyId}/disable`, { reason: 'leaked' });
  expect(ended.status).toBe(204);
  expect(await codeOf(victim)).toBe('auth.unknown_key');
  expect(await lastAudit()).toMatchObject({ action: 'partner_key.disable', subject_id: victim.keyId });
});

test('OP-06 without the scope no key is seen or changed, and none of another partner or environment ever', async () => {
  const reader = await newKey({ scopes: ['read', 'control', 'orders', 'settlement'] });
  for (const [method, path, body] of [
    ['GET', '/v1/keys', undefined],
    ['POST', `/v1/keys/${reader.keyId}/rotate`, { overlap_s: 0 }],
    ['POST', `/v1/keys/${reader.keyId}/disable`, { reason: 'x' }],
  ] as const)
    expect((await reader.client.call(method, path, body)).body.code).toBe('auth.forbidden');
  const manager = await newKey();
  const live = await newKey({ environment: 'live' });
  for (const keyId of [other.key.key_id, live.keyId, 'pk_none']) {
    const rotated = await manager.client.call('POST', `/v1/keys/${keyId}/rotate`, { overlap_s: 0 });
    expect(rotated).toMatchObject({ status: 404, body: { code: 'key.unknown' } });
    expect((await manager.client.call('POST', `/v1/keys/${keyId}/disable`, { reason: 'x' })).status).toBe(404);
  }
  const { body } = await manager.client.call('GET', '/v1/keys');
  expect(body.keys.map((key: { environment: string }) => key.environment)).not.toContain('live');
  expect(JSON.stringify(body)).not.toMatch(/secret|sk_/);
  await expect(staff(`/keys/${other.key.key_id}/revoke`, { reason: 'x' })).rejects.toThrow('key.unknown');
});

test('OP-06 each scope opens its own doors and no others', async () => {
  const doors = {
    read: ['GET', '/v1/stations'],
    control: ['POST', '/v1/operations/start'],
    orders: ['GET', '/v1/orders'],
    keys: ['GET', '/v1/keys'],
  } as const;
  for (const scope of ['read', 'control', 'orders', 'settlement', 'keys']) {
    const { client } = await newKey({ scopes: [scope] });
    for (const [door, [method, path]] of Object.entries(doors)) {
      const { body } = await client.call(method, path, method === 'POST' ? {} : undefined);
      expect(body.code === 'auth.forbidden', `${scope} at ${door}`).toBe(scope !== door);
    }
  }
  // Room for the keys of the tests after this one.
  await cloud.context.db
    .updateTable('partner_keys')
    .set({ revoked_at_ms: 1 })
    .where('key_id', 'not in', [stage.key.key_id, other.key.key_id])
    .execute();
});

test('OP-04 the last use is told to the minute, with where it came from', async () => {
  const key = await newKey();
  expect(await listed(key.keyId)).toMatchObject({ last_used_at: null, last_used_from: null });
  await codeOf(key);
  const first = (await listed(key.keyId)).last_used_at;
  expect(first).toBe(new Date(clock.wallMs()).toISOString());
  clock.advance(59_000);
  await codeOf(key);
  expect((await listed(key.keyId)).last_used_at).toBe(first);
  clock.advance(1_000);
  await codeOf(key);
  expect(await listed(key.keyId)).toMatchObject({
    last_used_at: new Date(clock.wallMs()).toISOString(),
    last_used_from: '127.0.0.1',
  });
});

test('OP-04 a suspended partner is refused with the reason, but only to who holds the secret', async () => {
  const key = await newKey();
  await staff('/suspend', { reason: 'unpaid invoices' });
  expect((await key.client.call('GET', '/v1/stations')).body).toMatchObject({
    code: 'auth.suspended',
    detail: 'unpaid invoices',
  });
  const forger = createPartnerClient(cloud.app, clock, { key_id: key.keyId, secret: 'guess' });
  expect((await forger.call('GET', '/v1/stations')).body.code).toBe('auth.bad_signature');
  await staff('/resume', { reason: 'paid' });
  expect(await codeOf(key)).toBe('taken');
});

test('OP-03 there is no key without an approval, and no more of them than there is room for', async () => {
  await cloud.context.db
    .insertInto('partners')
    .values({ partner_id: 'unapproved', name: 'U', created_at_ms: 1 })
    .execute();
  const wish = { environment: 'sandbox', scopes: ['read'] };
  await expect(staff('/keys', wish, 'unapproved')).rejects.toThrow('is not approved');
  await expect(staff('/keys', wish, 'nobody')).rejects.toThrow('partner.unknown');
  const room = Array.from({ length: 22 }, () => staff('/keys', wish, other.partnerId));
  const made = (await Promise.allSettled(room)).filter(({ status }) => status === 'fulfilled');
  expect(made).toHaveLength(19);
});

test('OP-04 who has as many keys as there is room for can rotate them all the same, and fills nothing with that', async () => {
  const full = await setTheStage(cloud, { name: 'full', tariff: null });
  const wish = { environment: 'sandbox', scopes: ['read'] };
  const made = await Promise.all(Array.from({ length: 19 }, () => staff('/keys', wish, full.partnerId)));
  const ids: string[] = made.map((key) => key.key_id);
  for (const keyId of ids) {
    const next = await staff(`/keys/${keyId}/rotate`, { overlap_s: 60 }, full.partnerId);
    expect(await codeOf(clientOf(next))).toBe('taken');
  }
  await expect(staff('/keys', wish, full.partnerId)).rejects.toThrow('which is the most');
  let last = full.key.key_id;
  const rotateOn = async () => {
    last = (await staff(`/keys/${last}/rotate`, { overlap_s: 60 }, full.partnerId)).key_id;
  };
  await rotateOn();
  await expect(rotateOn()).rejects.toThrow('which is the most');
});

test('OP-04 XC-12 no partner fills its list of keys by rotating one on and on', async () => {
  const busy = await setTheStage(cloud, { name: 'busy', tariff: null });
  const wish = { environment: 'sandbox', scopes: ['keys'], limits: { manage: { per_minute: 600, burst: 600 } } };
  let key = clientOf(await staff('/keys', wish, busy.partnerId));
  const rotate = () => key.client.call('POST', `/v1/keys/${key.keyId}/rotate`, { overlap_s: 0 });
  for (let n = 0; n < 40; n += 1) key = clientOf((await rotate()).body);
  expect(await rotate()).toMatchObject({ status: 429, body: { code: 'request.too_many' } });
  expect((await rotate()).headers['retry-after']).toBe('600');
  expect((await key.client.call('GET', '/v1/keys')).body.keys).toHaveLength(42);
  clock.advance(600_000);
  expect((await rotate()).status).toBe(201);
});

test('OP-12 the secret of a key is not told again to whoever repeats, and a request id belongs to one rotation', async () => {
  const former = await newKey();
  const path = `/v1/keys/${former.keyId}/rotate`;
  const wish = { request_id: 'k-1', overlap_s: 3_600 };
  const first = await former.client.call('POST', path, wish);
  expect(first.status).toBe(201);
  expect((await former.client.call('POST', path, { ...wish, overlap_s: 60 })).body.code).toBe('request_id.reused');
  expect(await codeOf(clientOf(first.body))).toBe('taken');
  const again = await former.client.call('POST', path, wish);
  expect([again.body.code, again.body.secret]).toEqual(['key.state', undefined]);
});
