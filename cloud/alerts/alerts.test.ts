import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemRandom } from '../random.ts';
import { setTheStage } from '../testing/fixtures.ts';
import { type MailServer, startMailServer } from '../testing/mail-server.ts';
import { StaffPerson } from '../testing/staff-person.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { testConfig } from '../testing/test-config.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../testing/webhook-receiver.ts';
import { signWebhook } from '../webhooks/sign.ts';

const MIN = 60_000;
/** Days go by in these tests. */
const longSessions = { ...testConfig.staff, idleMs: 365 * 86_400_000, sessionMs: 365 * 86_400_000 };
const clock = createTestClock();
let cloud: TestCloud;
let owner: StaffPerson;
let support: StaffPerson;
let hook: WebhookReceiver;
let robot: WebhookReceiver;
let mail: MailServer;
let siteId: string;
let connectorId: string;
let hookSecret: string;

beforeAll(async () => {
  hook = await startWebhookReceiver();
  robot = await startWebhookReceiver();
  mail = await startMailServer({ security: 'starttls', login: { user: 'alerts', password: 'p4ss' } });
  cloud = await startTestCloud({
    clock,
    config: {
      webhookDevAllow: [hook.hostPort, robot.hostPort],
      publicUrl: 'https://cloud.example/',
      staff: longSessions,
    },
  });
  const stage = await setTheStage(cloud, { name: 'alerts' });
  siteId = stage.siteId;
  // Tickets of emergencies would be overdue while days go by, and people be told of that.
  await sql`alter table tickets alter column overdue_told_at_ms set default 0`.execute(cloud.context.db);
  connectorId = stage.connectorIds[0] ?? '';
  owner = await StaffPerson.firstOwner(cloud, clock, 'li-na');
  support = await owner.invite('wang-wei', 'support');
  takeWell();
  const settings = { kind: 'webhook', url: hook.url };
  const made = await add({ channel_id: 'hook', language: 'en', settings });
  hookSecret = made.body.secret;
  const host = { host: 'localhost', port: mail.port, security: 'starttls', ca_pem: mail.caPem, user: 'alerts' };
  const addresses = { from: 'pilegate@example.com', to: ['boss@example.com'] };
  await add({ channel_id: 'mail', language: 'zh', settings: { kind: 'mail', ...host, ...addresses }, secret: 'p4ss' });
  await add({ channel_id: 'robot', language: 'zh', settings: { kind: 'wecom' }, secret: robotUrl() });
});
afterAll(async () => {
  await cloud?.stop();
  await Promise.all([hook?.close(), robot?.close(), mail?.close()]);
});
afterEach(async () => {
  // An alarm that nobody has looked at yet would be an alert of the next test.
  const untaken = cloud.context.db.selectFrom('alarms').select('alarm_id').where('taken_at_ms', 'is', null);
  await expect.poll(() => untaken.execute()).toEqual([]);
  for (const { alert_id: id } of (await owner.ask('GET', '/alerts?limit=200')).body.alerts)
    await owner.ask('POST', `/alerts/${id}/close`, { reason: 'the test is over' });
  takeWell();
  // What is under way, or waits to be repeated, would come to the receivers of the next test.
  await untilNothingIsUnderWay();
  await cloud.context.db
    .updateTable('alert_posts')
    .set({ status: 'cancelled', finished_at_ms: clock.wallMs() })
    .where('status', '=', 'pending')
    .execute();
  hook.received.length = 0;
  robot.received.length = 0;
  mail.received.length = 0;
});

const robotUrl = () => `${robot.url}?key=robot-key-1`;
const add = (channel: object) => owner.ask('POST', '/alert-channels', { name: 'n', ...channel });
function takeWell(): void {
  hook.answer((_webhook, response) => response.writeHead(204).end());
  robot.answer((_webhook, response) => response.writeHead(200).end('{"errcode":0,"errmsg":"ok"}'));
}
const wake = () => cloud.context.wake.alerts();
const untilNothingIsUnderWay = () =>
  expect
    .poll(() =>
      cloud.context.db
        .selectFrom('alert_posts')
        .select('post_id')
        .where('status', '=', 'pending')
        .where('leased_until_ms', 'is not', null)
        .execute(),
    )
    .toEqual([]);
/** How an attempt went is written down before time goes on: when its lease was over, it would be made once more. */
async function later(ms: number): Promise<void> {
  await untilNothingIsUnderWay();
  clock.advance(ms);
  wake();
}

async function raise(change: object = {}): Promise<string> {
  const atMs = clock.wallMs();
  const alarm = {
    alarm_id: systemRandom.uuid(),
    source: 'site' as const,
    code: 'contactor-welded',
    severity: 'critical',
    site_id: siteId,
    pile_id: `${connectorId}-pile`,
    connector_id: connectorId,
    detail: 'current flows',
    raised_at_ms: atMs,
    received_at_ms: atMs,
    ...change,
  };
  await cloud.context.db.insertInto('alarms').values(alarm).execute();
  wake();
  return alarm.alarm_id;
}
const alerts = async (query = '') => (await support.ask('GET', `/alerts?limit=200${query}`)).body.alerts;
const only = async () => {
  await expect.poll(async () => (await alerts()).length).toBe(1);
  return (await alerts())[0];
};
const chain = (level: string, document: object | null) =>
  owner.call('PUT', `/alert-settings/chains/${level}`, { chain: document, reason: 'test' });
const codes = (server: WebhookReceiver) => server.received.map(({ body }) => body.data.alerts[0]?.code);

test('XC-02 an alarm of a site becomes an alert, told with site, pile, time of the site and what to do', async () => {
  await raise();
  const told = await hook.waitFor(({ body }) => body.type === 'alert');
  const timestampS = Number(told.headers['webhook-timestamp']);
  const id = String(told.headers['webhook-id']);
  expect(told.headers['webhook-signature']).toBe(signWebhook(hookSecret, { id, timestampS, body: told.text }));
  const { alert_id: alertId } = await only();
  expect(told.body.data.alerts[0]).toMatchObject({
    alert_id: alertId,
    level: 'emergency',
    site: { site_id: siteId, timezone: 'Asia/Shanghai' },
    connector_id: connectorId,
    link: `https://cloud.example/staff/v1/alerts/${alertId}`,
  });
  const [local] = told.body.data.alerts[0].raised_local.split(' ');
  expect(local).toBe('2026-11-20');
  await expect.poll(() => mail.received.length).toBe(1);
  expect(mail.received[0]).toMatchObject({ secure: true, user: 'alerts', to: ['boss@example.com'] });
  const text = Buffer.from(mail.received[0]?.text.split('\r\n\r\n')[1] ?? '', 'base64').toString();
  expect(text).toContain('紧急');
  const message = await robot.waitFor(({ path }) => path.endsWith('key=robot-key-1'));
  expect(message.body.markdown.content).toContain(connectorId);
});

test('XC-02 alarms of one code about one connector are one alert, told once, until it is closed', async () => {
  await Promise.all(Array.from({ length: 30 }, () => raise({ code: 'over-current' })));
  await expect.poll(async () => (await alerts())[0]?.alarm_count).toBe(30);
  await expect.poll(() => hook.received.length).toBe(1);
  await raise({ code: 'over-current' });
  await expect.poll(async () => (await alerts())[0]?.alarm_count).toBe(31);
  const first = await only();
  const closed = await support.ask('POST', `/alerts/${first.alert_id}/close`, { reason: 'fuse changed' });
  expect(closed.body).toMatchObject({ closed_by: 'Name of wang-wei', close_reason: 'fuse changed' });
  const open = (await support.ask('GET', '/alarms?state=open')).body.alarms;
  expect(open.filter((alarm: { code: string }) => alarm.code === 'over-current')).toEqual([]);
  // What comes back at once is a new alert, of which people are told when the quiet time is over.
  await raise({ code: 'over-current' });
  const second = await only();
  expect(second.alert_id).not.toBe(first.alert_id);
  await later(9 * MIN);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(hook.received).toHaveLength(1);
  await later(2 * MIN);
  await expect.poll(() => codes(hook)).toEqual(['over-current', 'over-current']);
});

test('XC-02 an emergency that comes back is told at once', async () => {
  await raise({ code: 'fire' });
  await expect.poll(() => hook.received.length).toBe(1);
  const { alert_id: id } = await only();
  await support.ask('POST', `/alerts/${id}/close`, { reason: 'a drill' });
  await raise({ code: 'fire' });
  await expect.poll(() => hook.received.length).toBe(2);
});

test('XC-02 who is not at it in time is followed by the next, and an acknowledgement ends that', async () => {
  const steps = [
    { after_min: 0, tell: [{ channel: 'hook' }] },
    { after_min: 10, tell: [{ channel: 'mail' }] },
    { after_min: 20, tell: [{ channel: 'robot' }] },
  ];
  expect((await chain('critical', { steps, repeat: { every_min: 10, at_most: 1 } })).status).toBe(200);
  await raise({ code: 'over-voltage' });
  await expect.poll(() => hook.received.length).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect([mail.received.length, robot.received.length]).toEqual([0, 0]);
  await later(10 * MIN);
  await expect.poll(() => mail.received.length).toBe(1);
  const { alert_id: id } = await only();
  const seen = await support.ask('POST', `/alerts/${id}/acknowledge`, {});
  expect(seen.body).toMatchObject({ acknowledged_by: 'Name of wang-wei', next_telling_at: null });
  await later(60 * MIN);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect([hook.received.length, mail.received.length, robot.received.length]).toEqual([1, 1, 0]);
  const { tellings } = (await support.ask('GET', `/alerts/${id}`)).body;
  expect(tellings.map((one: { channel_id: string; status: string }) => [one.channel_id, one.status])).toEqual([
    ['hook', 'delivered'],
    ['mail', 'delivered'],
  ]);
  await chain('critical', null);
});

test('XC-02 who acknowledges an alarm is at its alert, and the last alarm that is closed closes it', async () => {
  const ids = [await raise({ code: 'ground-fault' }), await raise({ code: 'ground-fault' })];
  await expect.poll(async () => (await alerts())[0]?.alarm_count).toBe(2);
  await support.ask('POST', `/alarms/${ids[0]}/acknowledge`, {});
  expect(await only()).toMatchObject({ acknowledged_by: 'Name of wang-wei' });
  // What comes on is in the same hands.
  ids.push(await raise({ code: 'ground-fault' }));
  await expect.poll(async () => (await alerts())[0]?.alarm_count).toBe(3);
  expect((await support.ask('GET', '/alarms?state=unacknowledged')).body.alarms).toEqual([]);
  for (const id of ids) await support.ask('POST', `/alarms/${id}/close`, { reason: 'dried' });
  expect(await alerts()).toEqual([]);
});

test('XC-02 a message that fails is sent again as it was, under the same id', async () => {
  hook.answer((_webhook, response) => response.writeHead(503).end());
  await raise({ code: 'smoke' });
  const posts = () => postsOf('hook', 'smoke');
  await expect.poll(posts).toMatchObject([{ status: 'pending', attempts: 1 }]);
  takeWell();
  await later(15_000);
  await expect.poll(posts).toMatchObject([{ status: 'delivered', attempts: 2 }]);
  expect(hook.received).toHaveLength(2);
  expect(new Set(hook.received.map(({ headers, text }) => `${headers['webhook-id']} ${text}`)).size).toBe(1);
});
const posts = async (channelId: string) =>
  (await support.ask('GET', `/alert-posts?channel_id=${channelId}`)).body.posts;
/** Those that tell of a code. Posts of other tests have the same time, and no order. */
async function postsOf(channelId: string, code: string) {
  const rows = await cloud.context.db
    .selectFrom('alert_tellings as telling')
    .innerJoin('alerts as alert', 'alert.alert_id', 'telling.alert_id')
    .select('telling.post_id')
    .where('telling.channel_id', '=', channelId)
    .where('alert.code', '=', code)
    .execute();
  const ids = rows.map((row) => row.post_id);
  return (await posts(channelId)).filter((one: { post_id: string }) => ids.includes(one.post_id));
}

test('XC-02 a robot that says no in a good answer has not been told; nothing of its key is kept', async () => {
  robot.answer((_webhook, response) =>
    response.writeHead(200).end('{"errcode":93000,"errmsg":"invalid webhook url, key robot-key-1"}'),
  );
  await raise({ code: 'flood' });
  const told = { status: 'pending', attempts: 1, last_error: expect.stringContaining('errcode 93000') };
  await expect.poll(() => postsOf('robot', 'flood')).toMatchObject([told]);
  const rows = JSON.stringify(await cloud.context.db.selectFrom('alert_posts').selectAll().execute());
  const shown = JSON.stringify((await owner.ask('GET', '/alert-channels')).body);
  const stored = JSON.stringify(await cloud.context.db.selectFrom('alert_channels').selectAll().execute());
  const audit = JSON.stringify(await cloud.context.db.selectFrom('audit_log').selectAll().execute());
  for (const text of [rows, shown, stored, audit])
    for (const secret of ['robot-key-1', 'p4ss', hookSecret]) expect(text).not.toContain(secret);
});

test('XC-02 alerts that come fast are fewer messages to a robot, never more than twenty a minute, and each is told', async () => {
  const times: number[] = [];
  robot.answer((_webhook, response) => {
    times.push(clock.wallMs());
    response.writeHead(200).end('{"errcode":0}');
  });
  const waiting = cloud.context.db
    .selectFrom('alert_tellings')
    .leftJoin('alert_posts', 'alert_posts.post_id', 'alert_tellings.post_id')
    .select('telling_id')
    .where('alert_tellings.channel_id', '=', 'robot')
    .where('cancelled_at_ms', 'is', null)
    .where((where) => where.or([where('alert_posts.status', 'is', null), where('alert_posts.status', '=', 'pending')]));
  for (let n = 0; n < 30; n += 1) {
    await raise({ code: 'pile-fault', pile_id: `p${n}`, connector_id: null });
    await later(1_000);
    await expect.poll(() => hook.received.length).toBe(n + 1);
  }
  await expect
    .poll(async () => {
      await later(1_000);
      return (await waiting.execute()).length;
    })
    .toBe(0);
  for (const from of times) expect(times.filter((at) => at >= from && at < from + MIN).length).toBeLessThanOrEqual(20);
  expect(robot.received.length).toBeGreaterThan(5);
  expect(robot.received.some(({ body }) => /\d+ 条告警/.test(body.markdown.content))).toBe(true);
  const text = robot.received.map(({ body }) => body.markdown.content).join(' ');
  expect(Array.from({ length: 30 }, (_, n) => n).filter((n) => !new RegExp(`\\bp${n}\\b`).test(text))).toEqual([]);
});

test('XC-02 a channel that fails for long is disabled, and the others are told of it and in its place', async () => {
  await chain('critical', { steps: [{ after_min: 0, tell: [{ channel: 'robot' }] }] });
  // What the test before has used up of its messages.
  clock.advance(2 * MIN);
  robot.answer((_webhook, response) => response.writeHead(500).end());
  await raise({ code: 'insulation-fault' });
  await expect.poll(() => robot.received.length).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(codes(hook)).toEqual([]);
  // Five minutes of failure: what nobody has heard goes to somebody else, and so does that the channel fails.
  await expect
    .poll(async () => {
      await later(30_000);
      return codes(hook).sort();
    })
    .toEqual(['alert.channel_failing', 'insulation-fault']);
  const settings = async () => (await owner.ask('GET', '/alert-settings')).body;
  expect((await settings()).deaf_levels).toEqual(['critical']);
  await raise({ code: 'voltage-fault' });
  await expect.poll(() => codes(hook)).toContain('voltage-fault');
  await expect
    .poll(async () => {
      await later(20 * MIN);
      return codes(hook);
    })
    .toContain('alert.channel_disabled');
  const { channels } = (await owner.ask('GET', '/alert-channels')).body;
  const disabled = channels.find((one: { channel_id: string }) => one.channel_id === 'robot');
  expect(disabled.disabled_reason).toContain('2 h');
  const ready = await cloud.app.inject('/readyz');
  expect(ready.json()).toMatchObject({ ready: true, alerts_deaf_levels: ['critical'] });
  takeWell();
  const { post_id: testId } = (await owner.ask('POST', '/alert-channels/robot/test', {})).body;
  await expect
    .poll(async () => (await posts('robot')).find((one: { post_id: string }) => one.post_id === testId)?.status)
    .toBe('delivered');
  await owner.ask('POST', '/alert-channels/robot/enable', {});
  expect((await settings()).deaf_levels).toEqual([]);
  await chain('critical', null);
});

test('XC-02 410 ends a channel at once', async () => {
  hook.answer((_webhook, response) => response.writeHead(410).end());
  await raise({ code: 'meter-stuck' });
  await expect
    .poll(async () => (await owner.ask('GET', '/alert-channels')).body.channels[0].disabled_reason ?? '')
    .toContain('410');
  await owner.ask('POST', '/alert-channels/hook/enable', {});
});

test('XC-02 with no channel at all the step waits, and is told when there is one', async () => {
  for (const id of ['hook', 'mail', 'robot'])
    await owner.call('POST', `/alert-channels/${id}/disable`, { reason: 'a test' });
  await raise({ code: 'trip-failed' });
  const alert = await only();
  await expect.poll(async () => (await only()).next_telling_at).not.toBe(alert.opened_at);
  expect((await owner.ask('GET', '/alert-settings')).body.deaf_levels).toEqual(['warning', 'critical', 'emergency']);
  for (const id of ['hook', 'mail', 'robot']) await owner.ask('POST', `/alert-channels/${id}/enable`, {});
  await later(MIN);
  await expect.poll(() => codes(hook)).toEqual(['trip-failed']);
});

test('XC-02 staff set the level of a code, and lower it only with a confirmation', async () => {
  const path = '/alert-settings/levels/door-open';
  const lowered = await owner.ask('PUT', path, { level: 'info', reason: 'a door that never closes' });
  expect(lowered.body.code).toBe('confirmation.required');
  expect((await owner.ask('PUT', path, { level: 'critical', reason: 'a bank' })).status).toBe(200);
  await raise({ code: 'door-open', severity: 'warning' });
  expect(await only()).toMatchObject({ code: 'door-open', level: 'critical' });
  await owner.call('PUT', path, { level: null, reason: 'as before' });
  expect((await owner.ask('GET', '/alert-settings')).body.settings).toEqual([]);
});

test('XC-02 an alert of a low level closes by itself when nothing is added to it', async () => {
  await raise({ code: 'pile-restarted', severity: 'warning' });
  const { alert_id: id, level } = await only();
  expect([level, hook.received.length]).toEqual(['info', 0]);
  clock.advance(25 * 60 * MIN);
  const { closeQuietAlerts } = await import('./handle-alert.ts');
  await closeQuietAlerts(cloud.context);
  const row = await cloud.context.db.selectFrom('alerts').selectAll().where('alert_id', '=', id).executeTakeFirst();
  expect(row).toMatchObject({ closed_by: 'platform' });
});

test('XC-02 a chain that names what is not there, or a channel to a private address, is refused', async () => {
  const refused = await chain('warning', { steps: [{ after_min: 0, tell: [{ channel: 'nowhere' }] }] });
  expect([refused.status, refused.body.detail]).toEqual([400, 'no channel nowhere']);
  const inside = { channel_id: 'inside', language: 'en', settings: { kind: 'webhook', url: 'https://10.0.0.1/' } };
  expect((await add(inside)).body.code).toBe('webhook.address_refused');
  const again = { channel_id: 'hook', language: 'en', settings: { kind: 'webhook', url: hook.url } };
  expect((await add(again)).body.code).toBe('resource.exists');
});

test('XC-02 pages of alerts lead on without a gap', async () => {
  for (let n = 0; n < 7; n += 1) await raise({ code: 'under-voltage', severity: 'warning', connector_id: `x${n}` });
  await expect.poll(async () => (await alerts()).length).toBe(7);
  const seen: string[] = [];
  let query = '?limit=3';
  for (;;) {
    const { body } = await support.ask('GET', `/alerts${query}`);
    seen.push(...body.alerts.map((one: { alert_id: string }) => one.alert_id));
    if (body.next_cursor === null) break;
    query = `?limit=3&cursor=${body.next_cursor}`;
  }
  expect([seen.length, new Set(seen).size]).toEqual([7, 7]);
});
