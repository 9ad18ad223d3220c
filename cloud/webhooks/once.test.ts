import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANSWERS_KEPT_MS, forgetAnswers } from '../partners/first-answers.ts';
import { type Stage, setTheStage } from '../testing/fixtures.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
const DEV = '127.0.0.1:9';
const url = `http://${DEV}/hooks`;
let cloud: TestCloud;
let stage: Stage;
beforeAll(async () => {
  cloud = await startTestCloud({ clock, config: { webhookDevAllow: [DEV] } });
  stage = await setTheStage(cloud, { name: 'once' });
});
afterAll(() => cloud?.stop());

const call = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) =>
  stage.partner.call(method, `/v1/webhook-endpoints${path}`, body);
const endpoints = async (): Promise<string[]> =>
  (await call('GET', '')).body.endpoints.map((one: { endpoint_id: string }) => one.endpoint_id);
const removeAll = async () => {
  for (const id of await endpoints()) await call('DELETE', `/${id}`);
};
const created = async () =>
  (
    await cloud.context.db
      .selectFrom('audit_log')
      .select('action')
      .where('action', '=', 'webhook.create')
      .where('actor_id', '=', stage.partnerId)
      .execute()
  ).length;

test('OP-12 an endpoint whose answer was lost is registered once, and its secret is told again', async () => {
  const wish = { request_id: 'lost', url, description: 'billing' };
  const first = await call('POST', '', wish);
  expect([first.status, first.body.secret]).toEqual([201, expect.stringMatching(/^whsec_/)]);
  clock.advance(ANSWERS_KEPT_MS - 60_000);
  await forgetAnswers(cloud.context.db, clock.wallMs());
  const again = await call('POST', '', wish);
  expect([again.status, again.body]).toEqual([201, first.body]);
  expect([await endpoints(), await created()]).toEqual([[first.body.endpoint_id], 1]);
  const other = await call('POST', '', { ...wish, description: 'another' });
  expect([other.status, other.body.code]).toEqual([422, 'request_id.reused']);
  expect(JSON.stringify(await cloud.context.db.selectFrom('first_answers').selectAll().execute())).not.toContain(
    first.body.secret,
  );
  clock.advance(120_000);
  await forgetAnswers(cloud.context.db, clock.wallMs());
  expect((await call('POST', '', wish)).body.endpoint_id).not.toBe(first.body.endpoint_id);
  await removeAll();
});

test('OP-12 of the same registration twice at once, one is made, also for the last place', async () => {
  for (let n = 0; n < 19; n += 1) await call('POST', '', { url });
  const wish = { request_id: 'at-once', url };
  const answers = await Promise.all([1, 2, 3].map(() => call('POST', '', wish)));
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
  expect(new Set(answers.map(({ body }) => body.secret)).size).toBe(1);
  expect(await endpoints()).toHaveLength(20);
  await removeAll();
});

test('OP-12 a registration of what was deleted since is not repeated, and its secrets are gone', async () => {
  const wish = { request_id: 'deleted', url };
  const { body } = await call('POST', '', wish);
  await call('POST', `/${body.endpoint_id}/rotate-secret`, { overlap_s: 3_600 });
  await call('DELETE', `/${body.endpoint_id}`);
  expect((await call('POST', '', wish)).body.code).toBe('webhook.unknown');
  expect(await endpoints()).toEqual([]);
  const row = await cloud.context.db
    .selectFrom('webhook_endpoints')
    .selectAll()
    .where('endpoint_id', '=', body.endpoint_id)
    .executeTakeFirst();
  expect(row).toMatchObject({ secret_sealed: '', former_secret_sealed: null });
});

test('OP-12 a secret is rotated once, and a test event sent once, for each request id; each endpoint for itself', async () => {
  const [one, two] = [(await call('POST', '', { url })).body, (await call('POST', '', { url })).body];
  const rotate = (id: string, overlap: number) =>
    call('POST', `/${id}/rotate-secret`, { request_id: 'r-1', overlap_s: overlap });
  const first = (await rotate(one.endpoint_id, 60)).body;
  expect((await rotate(one.endpoint_id, 60)).body).toEqual(first);
  expect((await rotate(one.endpoint_id, 0)).body.code).toBe('request_id.reused');
  expect((await rotate(two.endpoint_id, 60)).body.code).toBe('request_id.reused');
  const send = (id: string, body?: object) => call('POST', `/${id}/test`, body);
  const sent = await send(one.endpoint_id, { request_id: 't-1' });
  expect(sent.status).toBe(202);
  expect((await send(one.endpoint_id, { request_id: 't-1' })).body).toEqual(sent.body);
  const other = await send(one.endpoint_id);
  expect([other.status, other.body.event_id === sent.body.event_id]).toEqual([202, false]);
  await removeAll();
});
