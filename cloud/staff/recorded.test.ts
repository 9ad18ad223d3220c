import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeAlarms } from '../alerts/take-alarms.ts';
import { verifyAudit } from '../audit/verify.ts';
import { systemRandom } from '../random.ts';
import { createApplicant, examplePdf, exampleRegistration } from '../testing/applicant.ts';
import { schedule } from '../testing/document-fleet.ts';
import { exampleTariff, type Stage, setTheStage } from '../testing/fixtures.ts';
import { newAlarm } from '../testing/new-alarm.ts';
import { askAsStaff, fromBase32, type StaffAnswer, StaffPerson } from '../testing/staff-person.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { testConfig } from '../testing/test-config.ts';
import type { staffActions } from './actions.ts';
import { totpCode, totpStep } from './login/totp.ts';
import type { StaffRoute } from './route-table.ts';

const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;
let owner: StaffPerson;

beforeAll(async () => {
  cloud = await startTestCloud({ clock, config: { staff: { ...testConfig.staff, tokenUse: 'recovery' } } });
  stage = await setTheStage(cloud, { name: 'recorded' });
  owner = await StaffPerson.firstOwner(cloud, clock, 'li-na');
});
afterAll(() => cloud?.stop());

const staff = (method: string, path: string, body?: object) => owner.call(method, path, body);

const table = async (): Promise<StaffRoute[]> => (await staff('GET', '/actions')).body.routes;
const newest = async () => (await staff('GET', '/audit?limit=1')).body.entries[0];

interface Deed {
  readonly path: string;
  readonly body?: object;
  /** As the audit log names it; where the answer tells it, made of that. */
  readonly subject: string | ((answer: StaffAnswer['body']) => string);
  /** Empty: without any. Absent: the owner's. */
  readonly token?: string;
  readonly actor?: string;
}
type MakeDeed = (path: string) => Deed | Promise<Deed>;
const by = { requested_by: 'Li Na' };

const newSite = (id: string) => ({
  site_id: id,
  name: id,
  environment: 'sandbox',
  timezone: 'Asia/Shanghai',
  connectors: [{ connector_id: `${id}-c`, pile_id: `${id}-p`, model: 'sim', max_power_w: 7_000 }],
});
const tariffText = () => JSON.stringify(schedule('recorded'));

async function rollout(requestId: string): Promise<object> {
  const siteId = `rollout-${requestId}`;
  await staff('POST', '/sites', newSite(siteId));
  return {
    request_id: requestId,
    document_kind: 'tariffs',
    text: tariffText(),
    sites: [{ site_id: siteId }],
    waves: [{ percent: 100 }],
    soak_s: 60,
    answer_within_s: 60,
    away_after_s: 60,
    halt_at_failures: 1,
    allow_without_way_back: true,
    reason: 'winter',
    ...by,
  };
}

async function controlled(action: 'pause' | 'resume' | 'abort', change: object = {}): Promise<Deed> {
  const made = await staff('POST', '/rollouts', await rollout(`r-${action}`));
  const id = made.body.rollout_id;
  if (action === 'resume') await staff('POST', `/rollouts/${id}/pause`, { ...by, reason: 'lunch' });
  return { path: `/rollouts/${id}/${action}`, body: { ...by, reason: 'lunch', ...change }, subject: `rollout/${id}` };
}

const windows = () => `/sites/${stage.siteId}/maintenance-windows`;
const newWindow = (windowId: string) => {
  const times = { from: '2200-01-01T00:00:00Z', until: '2200-01-02T00:00:00Z' };
  return { window_id: windowId, connector_ids: null, note: 'cables', ...times };
};
async function onWindow(change: string, body: object): Promise<Deed> {
  const windowId = systemRandom.uuid();
  await staff('POST', windows(), newWindow(windowId));
  return { path: `/maintenance-windows/${windowId}/${change}`, body, subject: `maintenance-window/${windowId}` };
}
/** Where it stands, and whose it is. */
const place = () => {
  const [connectorId = ''] = stage.connectorIds;
  const nowMs = clock.wallMs();
  return {
    partner_id: stage.partnerId,
    environment: 'sandbox' as const,
    site_id: stage.siteId,
    pile_id: `${connectorId}-pile`,
    connector_id: connectorId,
    tariff_id: exampleTariff.tariffId,
    tariff_version: exampleTariff.version,
    created_at_ms: nowMs,
    updated_at_ms: nowMs,
  };
};

async function orderUnderWay(): Promise<string> {
  const orderId = systemRandom.uuid();
  const row = { ...place(), order_id: orderId, origin: 'remote' as const, state: 'charging' as const };
  await cloud.context.db
    .insertInto('orders')
    .values({ ...row, session_id: systemRandom.uuid() })
    .execute();
  return orderId;
}

async function openReservation(): Promise<string> {
  const id = systemRandom.uuid();
  const row = { ...place(), reservation_id: id, state: 'active' as const, request_id: 'mine' };
  await cloud.context.db
    .insertInto('reservations')
    .values({ ...row, until_ms: clock.wallMs() + 600_000 })
    .execute();
  return id;
}

const creditTerms = {
  environment: 'sandbox',
  currency: 'CNY',
  kind: 'deposit',
  limit_minor: 0,
  hold_per_start_minor: 1,
  low_marks_minor: [],
  reason: 'contract',
};
const onSite = (what: string): Deed => ({
  path: `/sites/${stage.siteId}/${what}`,
  body: { reason: 'the lease is over' },
  subject: `site/${stage.siteId}`,
});
const onConnector = (what: string, body: object): Deed => ({
  path: `/connectors/${stage.connectorIds[0]}/${what}`,
  body,
  subject: `connector/${stage.connectorIds[0]}`,
});
const onPartner = (change: string, body: object): Deed => ({
  path: `/partners/${stage.partnerId}${change}`,
  body,
  subject: `partner/${stage.partnerId}`,
});

/** Of a mail server that is not there: nothing of these tests goes out into the world. */
const nowhere = { kind: 'mail', host: '127.0.0.1', port: 1, security: 'none', from: 'a@example.com' };
const channel = (id: string) => ({
  channel_id: id,
  name: id,
  language: 'en',
  settings: { ...nowhere, to: ['b@example.com'] },
});
const newChannel = (id: string) => staff('POST', '/alert-channels', channel(id));

async function onChannel(what: string, body: object): Promise<Deed> {
  const id = `to-${what}`;
  await newChannel(id);
  return { path: `/alert-channels/${id}/${what}`, body, subject: `alert-channel/${id}` };
}

async function onTicket(what: string, body: object): Promise<Deed> {
  const { ticket_id: id } = (await staff('POST', '/tickets', { title: what })).body;
  return { path: `/tickets/${id}/${what}`, body, subject: `ticket/${id}` };
}

async function onAlert(what: string, body: object): Promise<Deed> {
  const alarmId = await newAlarm(cloud, 'warning');
  await takeAlarms(cloud.context, () => Promise.resolve());
  const { alert_id: id } = await cloud.context.db
    .selectFrom('alarms')
    .select('alert_id')
    .where('alarm_id', '=', alarmId)
    .executeTakeFirstOrThrow();
  return { path: `/alerts/${id}/${what}`, body, subject: `alert/${id}` };
}

const invitationOf = async (staffId: string): Promise<string> =>
  (await staff('POST', '/accounts', { staff_id: staffId, name: 'N', role: 'support' })).body.invitation;

/** One good request for everything that staff can do. */
const deeds: Partial<Record<keyof typeof staffActions, MakeDeed>> = {
  'session.begin': () => {
    const body = { staff_id: 'li-na', password: owner.password, code: owner.freshCode() };
    return { path: '/sessions', body, subject: 'staff/li-na', token: '' };
  },
  'session.confirm': async () => {
    const asked = await owner.ask('POST', '/accounts/nobody/disable', {});
    const { challenge } = asked.body;
    const body = { challenge, code: owner.freshCode() };
    return { path: '/confirmations', body, subject: `confirmation/${challenge}` };
  },
  'session.end': async (path) => {
    const passing = await owner.invite(`passing-${path.split('/').at(-1)}`, 'support');
    const { staffId: actor, token } = passing;
    return { path: path.replace('/staff/v1', ''), body: {}, subject: `staff/${actor}`, token, actor };
  },
  'staff.begin': () => ({
    path: '/accounts/first',
    body: { staff_id: 'first', name: 'F' },
    subject: 'staff/first',
    token: cloud.staffToken,
    actor: 'service',
  }),
  'staff.set_up': async () => {
    const body = { staff_id: 'set-up', invitation: await invitationOf('set-up'), password: owner.password };
    return { path: '/invitations/begin', body, subject: 'staff/set-up', token: '', actor: 'set-up' };
  },
  'staff.enrol': async () => {
    const invited = { staff_id: 'enrol', invitation: await invitationOf('enrol') };
    const begin = { method: 'POST', path: '/invitations/begin', body: { ...invited, password: owner.password } };
    const secret = fromBase32((await askAsStaff(cloud, begin)).body.totp_secret);
    const body = { ...invited, code: totpCode(secret, totpStep(clock.wallMs())) };
    return { path: '/invitations/finish', body, subject: 'staff/enrol', token: '', actor: 'enrol' };
  },
  'staff.change_password': async () => {
    const someone = await owner.invite('changing', 'support');
    const { staffId: actor, token, password } = someone;
    const body = { password, code: someone.freshCode(), new_password: 'another long one' };
    return { path: '/password', body, subject: `staff/${actor}`, token, actor };
  },
  'staff.invite': () => {
    const body = { staff_id: 'invited', name: 'I', role: 'support' };
    return { path: '/accounts', body, subject: 'staff/invited' };
  },
  'staff.invite_again': async () => {
    await invitationOf('again');
    return { path: '/accounts/again/invite', body: {}, subject: 'staff/again' };
  },
  'staff.disable': async () => {
    await invitationOf('disabled');
    return { path: '/accounts/disabled/disable', body: {}, subject: 'staff/disabled' };
  },
  'staff.change_role': async () => {
    await invitationOf('changed');
    return { path: '/accounts/changed/role', body: { role: 'finance' }, subject: 'staff/changed' };
  },
  'staff.end_sessions': async () => {
    await invitationOf('ended');
    return { path: '/accounts/ended/end-sessions', body: {}, subject: 'staff/ended' };
  },
  'site.create': () => ({ path: '/sites', body: newSite('recorded-new'), subject: 'site/recorded-new' }),
  'site.claim': () => ({ path: `/sites/${stage.siteId}/claims`, body: by, subject: `site/${stage.siteId}` }),
  'site.revoke': () => ({
    path: `/sites/${stage.siteId}/credentials/revoke`,
    body: { ...by, reason: 'stolen' },
    subject: `site/${stage.siteId}`,
  }),
  'site.end_charges': () => ({
    path: `/sites/${stage.siteId}/charges/end`,
    body: { ...by, reason: 'burnt down' },
    subject: `site/${stage.siteId}`,
  }),
  'site.withdraw': () => onSite('withdraw'),
  'site.restore': () => onSite('restore'),
  'connector.withdraw': () => onConnector('withdraw', { reason: 'dug up' }),
  'connector.restore': () => onConnector('restore', { reason: 'put back' }),
  'connector.set_code': () => onConnector('pile-code', { pile_code: 'RECORDED-1', ...by }),
  'site.choose_life': async () => {
    const lifeId = systemRandom.uuid();
    const life = { life_id: lifeId, store_epoch: systemRandom.uuid(), software: 's', status: 'waiting' as const };
    const heard = { is_confirmed: true, first_heard_at_ms: 1, last_heard_at_ms: 1 };
    await cloud.context.db
      .insertInto('site_lives')
      .values({ site_id: stage.siteId, ...life, ...heard })
      .execute();
    const path = `/sites/${stage.siteId}/lives/${lifeId}/choose`;
    return { path, body: { chosen_by: 'Li Na' }, subject: `site/${stage.siteId}` };
  },
  'site.diagnose': () => ({ path: `/sites/${stage.siteId}/diagnostics`, body: by, subject: `site/${stage.siteId}` }),
  'connector.maintain': () => {
    const [connectorId = ''] = stage.connectorIds;
    const body = { request_id: 'm-1', connector_id: connectorId, action: 'disable', ...by };
    return { path: '/maintenance', body, subject: `connector/${connectorId}` };
  },
  'station.set_hours': () => ({
    path: `/sites/${stage.siteId}/hours`,
    body: { hours: null, reason: 'always' },
    subject: `site/${stage.siteId}`,
  }),
  'maintenance_window.plan': () => {
    const windowId = systemRandom.uuid();
    return { path: windows(), body: newWindow(windowId), subject: `maintenance-window/${windowId}` };
  },
  'maintenance_window.change': () => {
    const { window_id: _, ...times } = newWindow('');
    return onWindow('change', { ...times, note: 'later' });
  },
  'maintenance_window.cancel': () => onWindow('cancel', { reason: 'no cables' }),
  'order.stop': async () => {
    const id = await orderUnderWay();
    return { path: `/orders/${id}/stop`, body: { ...by, reason: 'smoke' }, subject: `order/${id}` };
  },
  'reservation.cancel': async () => {
    const id = await openReservation();
    return { path: `/reservations/${id}/cancel`, body: { ...by, reason: 'works' }, subject: `reservation/${id}` };
  },
  'document.put': () => ({
    path: `/sites/${stage.siteId}/documents`,
    body: { document_kind: 'tariffs', text: tariffText(), ...by },
    subject: `site/${stage.siteId}`,
  }),
  'document_key.add': () => ({
    path: '/document-keys',
    body: by,
    subject: ({ keys }) => `document-key/${keys.at(-1).key_id}`,
  }),
  'document_key.leave': async () => {
    const { keys } = (await staff('GET', '/document-keys')).body;
    const keyId = keys[0].key_id;
    return { path: `/document-keys/${keyId}/leave`, body: by, subject: `document-key/${keyId}` };
  },
  'tariff.put': () => ({
    path: '/tariffs',
    body: { site_ids: [stage.siteId], tariff: { ...exampleTariff, tariffId: 'recorded' } },
    subject: 'tariff/recorded/1',
  }),
  'rollout.create': async () => ({ path: '/rollouts', body: await rollout('r-1'), subject: 'rollout-request/r-1' }),
  'rollout.pause': () => controlled('pause'),
  'rollout.resume': () => controlled('resume'),
  'rollout.abort': () => controlled('abort', { roll_back: false }),
  'alarm.acknowledge': async () => {
    const id = await newAlarm(cloud, 'warning');
    return { path: `/alarms/${id}/acknowledge`, body: {}, subject: `alarm/${id}` };
  },
  'alarm.close': async () => {
    const id = await newAlarm(cloud, 'warning');
    return { path: `/alarms/${id}/close`, body: { reason: 'repaired' }, subject: `alarm/${id}` };
  },
  'alert.acknowledge': () => onAlert('acknowledge', {}),
  'alert.close': () => onAlert('close', { reason: 'repaired' }),
  'alert.set_level': () => ({
    path: '/alert-settings/levels/door-open',
    body: { level: 'info', reason: 'no door' },
    subject: 'alert-level/door-open',
  }),
  'alert.set_chain': () => {
    const chain = { steps: [{ after_min: 0, tell: [{ all: true }] }] };
    return { path: '/alert-settings/chains/warning', body: { chain, reason: 'r' }, subject: 'alert-chain/warning' };
  },
  'alert.set_rota': async () => {
    await newChannel('on-rota');
    const rota = { shifts: [], otherwise: ['on-rota'] };
    return { path: '/alert-settings/rotas/night', body: { rota }, subject: 'alert-rota/night' };
  },
  'alert_channel.create': () => ({
    path: '/alert-channels',
    body: channel('created'),
    subject: 'alert-channel/created',
  }),
  'alert_channel.test': () => onChannel('test', {}),
  'alert_channel.enable': () => onChannel('enable', {}),
  'alert_channel.disable': () => onChannel('disable', { reason: 'r' }),
  'alert_channel.delete': () => onChannel('delete', { reason: 'r' }),
  'ticket.open': () => ({ path: '/tickets', body: { title: 'look' }, subject: ({ ticket_id: id }) => `ticket/${id}` }),
  'ticket.move': () => onTicket('move', { move: 'begin', comment: 'on my way' }),
  'ticket.change': () => onTicket('change', { priority: 'high' }),
  'ticket.comment': () => onTicket('comment', { comment: 'a new fuse is needed' }),
  'ticket.link': () => onTicket('link', { links: [{ kind: 'site', id: stage.siteId }] }),
  'dead_letter.retry': async () => {
    const at = { wallMs: 1, monoMs: 1, bootId: systemRandom.uuid(), clock: 'trusted' };
    const payload = JSON.stringify({ seq: 1, at, body: { kind: 'of-tomorrow' } });
    const what = { code: 'wire.conflict', reason: 'r', payload, payload_sha256: 'x', received_at_ms: 1 };
    const { dead_letter_id: id } = await cloud.context.db
      .insertInto('dead_letters')
      .values({ source: 'record', site_id: stage.siteId, store_epoch: at.bootId, stream: 'events', seq: 1, ...what })
      .returning('dead_letter_id')
      .executeTakeFirstOrThrow();
    return { path: `/dead-letters/${id}/retry`, body: { retried_by: 'Li Na' }, subject: `dead-letter/${id}` };
  },
  'webhook.replay': async () => {
    const made = { partner_id: stage.partnerId, environment: 'sandbox' as const, type: 'charge.ended', payload: '{}' };
    const eventId = `msg_${'0'.repeat(32)}`;
    await cloud.context.db
      .insertInto('webhook_events')
      .values({ ...made, event_id: eventId, order_id: null, created_at_ms: 1 })
      .execute();
    return onPartner('/webhook-replays', { request_id: 'r-1', environment: 'sandbox', event_id: eventId });
  },
  'partner.create': () => ({
    path: '/partners',
    body: { partner_id: 'recorded', name: 'R' },
    subject: 'partner/recorded',
  }),
  'partner_key.create': () => ({
    path: `/partners/${stage.partnerId}/keys`,
    body: { environment: 'sandbox', scopes: ['read'] },
    subject: `partner/${stage.partnerId}`,
  }),
  'application.read_file': async () => {
    const applicant = await createApplicant(cloud.app, { ...exampleRegistration, callback_url: 'https://8.8.8.8/' });
    const { files } = (await applicant.upload(examplePdf, 'application/pdf')).body;
    const id = applicant.applicationId;
    const path = `/partner-applications/${id}/files/${files[0].file_id}`;
    return { path, subject: `partner-application/${id}` };
  },
  'application.decide': async () => {
    const applicant = await createApplicant(cloud.app, { ...exampleRegistration, callback_url: 'https://8.8.8.8/' });
    await applicant.upload(examplePdf, 'application/pdf');
    const { revision } = (await applicant.call('POST', '/submit')).body;
    const id = applicant.applicationId;
    const body = { decision: 'reject', revision, reason: 'blurred', reviewed_by: 'Li Na' };
    return { path: `/partner-applications/${id}/decide`, body, subject: `partner-application/${id}` };
  },
  'partner.change': () => onPartner('', { suspends_unusual: true }),
  'partner.suspend': () => onPartner('/suspend', { reason: 'unpaid' }),
  'partner.resume': () => onPartner('/resume', { reason: 'paid' }),
  'partner.set_access': () => onPartner('/access', { environment: 'sandbox', stations: 'all', reason: 'contract' }),
  'partner.put_prices': () => {
    const bounds = { leastPriceE4: 0, mostPriceE4: 1 };
    const schedule = { version: 1, currency: 'CNY', bounds, tariffs: [] };
    return onPartner('/prices', { environment: 'sandbox', site_id: null, schedule, reason: 'contract' });
  },
  'credit.set_terms': () => onPartner('/credit/terms', creditTerms),
  'credit.transfer': async () => {
    await staff('POST', `/partners/${stage.partnerId}/credit/terms`, creditTerms);
    const what = { kind: 'top_up', amount_minor: 5, reference: 'bank 1', reason: 'paid in' };
    const name = { transfer_id: systemRandom.uuid(), environment: 'sandbox', currency: 'CNY' };
    return onPartner('/credit/transfers', { ...name, ...what });
  },
  'credit.settle_order': async () => {
    await staff('POST', `/partners/${stage.partnerId}/credit/terms`, creditTerms);
    const orderId = systemRandom.uuid();
    const [connectorId = ''] = stage.connectorIds;
    const at = { site_id: stage.siteId, pile_id: 'p', connector_id: connectorId, created_at_ms: 1, updated_at_ms: 1 };
    const tariff = { tariff_id: exampleTariff.tariffId, tariff_version: exampleTariff.version };
    const what = { origin: 'remote', environment: 'sandbox', state: 'abnormal' } as const;
    await cloud.context.db
      .insertInto('orders')
      .values({ order_id: orderId, partner_id: stage.partnerId, ...what, ...at, ...tariff })
      .execute();
    const body = { transfer_id: systemRandom.uuid(), amount_minor: 5, reason: 'agreed' };
    return { path: `/orders/${orderId}/settlement`, body, subject: `order/${orderId}` };
  },
  'partner_key.change': () => onKey('', { label: 'till' }),
  'partner_key.rotate': () => onKey('/rotate', { overlap_s: 0 }),
  'partner_key.disable': () => onKey('/disable', { reason: 'lost' }),
  'partner_key.enable': () => onKey('/enable', { reason: 'found' }),
  'partner_key.revoke': () => onKey('/revoke', { reason: 'stolen' }),
};

const newKey = async (): Promise<string> =>
  (await staff('POST', `/partners/${stage.partnerId}/keys`, { environment: 'sandbox', scopes: ['read'] })).body.key_id;

async function onKey(change: string, body: object): Promise<Deed> {
  const id = await newKey();
  return { path: `/partners/${stage.partnerId}/keys/${id}${change}`, body, subject: `partner-key/${id}` };
}

test('XC-01 every route of the staff that changes something leaves one row with actor, action, subject and request', async () => {
  const changing = (await table()).filter(({ action }) => action !== null);
  expect([...new Set(changing.map(({ action }) => action))].sort()).toEqual(Object.keys(deeds).sort());
  for (const { action, method, path } of changing) {
    const deed = await deeds[action ?? 'site.create']?.(path);
    if (deed === undefined) throw new Error(`nothing does ${action}`);
    const before = (await newest())?.position ?? 0;
    const { token, actor = 'li-na' } = deed;
    const { status, body, headers } = await (token === undefined
      ? staff(method, deed.path, deed.body)
      : askAsStaff(cloud, { method, path: deed.path, ...(deed.body && { body: deed.body }), ...(token && { token }) }));
    expect(status, `${action}: ${JSON.stringify(body)}`).toBeLessThan(300);
    const row = await newest();
    expect(row).toMatchObject({ action, actor_kind: 'staff', actor_id: actor });
    const confirmations = row.detail.confirmation === undefined ? 0 : 1;
    expect(row.position).toBe(before + 1 + confirmations);
    expect(`${row.subject_kind}/${row.subject_id}`).toBe(
      typeof deed.subject === 'string' ? deed.subject : deed.subject(body),
    );
    expect(row.correlation_id).toBe(headers['pilegate-correlation']);
    expect(row.actor_address).toBe('127.0.0.1');
  }
  expect((await verifyAudit(cloud.context.db)).broken).toBeNull();
  // As many logins and confirmations as there are actions.
}, 90_000);

test('XC-01 what is refused, and what is only read, leaves no row', async () => {
  const before = (await newest()).position;
  expect((await staff('POST', '/partners', { partner_id: stage.partnerId, name: 'again' })).status).toBe(409);
  expect((await staff('POST', '/partners', { partner_id: 'N', name: 'bad' })).status).toBe(400);
  const stranger = { method: 'POST', path: '/partners', body: { partner_id: 'n', name: 'x' }, token: 'wrong' };
  expect((await askAsStaff(cloud, stranger)).status).toBe(401);
  for (const { method, path } of (await table()).filter(({ action }) => action === null))
    await staff(method, path.replace('/staff/v1', '').replaceAll(/:\w+/g, 'x'));
  expect((await newest()).position).toBe(before);
});

test('XC-01 a route of the staff that does not say who may do what there cannot be registered', async () => {
  const { default: Fastify } = await import('fastify');
  const { tableOfStaffRoutes } = await import('./route-table.ts');
  const app = Fastify();
  tableOfStaffRoutes(app);
  expect(() => app.get('/staff/v1/open', () => 'hello')).toThrow('GET /staff/v1/open does not say');
  const config = { staffPermission: 'sites.read' } as const;
  expect(() => app.post('/staff/v1/open', { config }, () => 'hello')).toThrow('POST /staff/v1/open does not say');
  app.get('/staff/v1/closed', { config }, () => 'hello');
});

test('XC-01 a machine says for whom it asks', async () => {
  const path = `/sites/${stage.siteId}/diagnostics`;
  const { status, body } = await askAsStaff(cloud, { method: 'POST', path, body: {}, token: cloud.staffToken });
  expect([status, body.errors]).toEqual([
    400,
    [{ pointer: '#/requested_by', detail: 'a machine says for whom it asks' }],
  ]);
});
