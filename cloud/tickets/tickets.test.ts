import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { transaction } from '../db/transaction.ts';
import { insertException } from '../orders/exception.ts';
import { systemRandom } from '../random.ts';
import { type Stage, setTheStage } from '../testing/fixtures.ts';
import { StaffPerson } from '../testing/staff-person.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { testConfig } from '../testing/test-config.ts';

const HOUR = 3_600_000;
/** Days go by in these tests. */
const longSessions = { ...testConfig.staff, idleMs: 365 * 86_400_000, sessionMs: 365 * 86_400_000 };
const clock = createTestClock();
let cloud: TestCloud;
let stage: Stage;
let owner: StaffPerson;
let finance: StaffPerson;

beforeAll(async () => {
  cloud = await startTestCloud({ clock, config: { staff: longSessions } });
  stage = await setTheStage(cloud, { name: 'tickets' });
  owner = await StaffPerson.firstOwner(cloud, clock, 'li-na');
  finance = await owner.invite('zhao-min', 'finance');
});
afterAll(() => cloud?.stop());

const open = async (body: object) => (await finance.ask('POST', '/tickets', body)).body;
const act = (id: string, what: string, body: object, who = finance) => who.ask('POST', `/tickets/${id}/${what}`, body);
const linkedTo = async (kind: string, id: string, state = 'unresolved') =>
  (await owner.ask('GET', `/tickets?link_kind=${kind}&link_id=${id}&state=${state}`)).body.tickets;
const wake = () => cloud.context.wake.alerts();

async function newOrder(): Promise<string> {
  const orderId = systemRandom.uuid();
  const [connectorId = ''] = stage.connectorIds;
  const atMs = clock.wallMs();
  const about = { site_id: stage.siteId, pile_id: 'p', connector_id: connectorId, partner_id: stage.partnerId };
  await cloud.context.db
    .insertInto('orders')
    .values({
      order_id: orderId,
      origin: 'remote',
      environment: 'sandbox',
      state: 'abnormal',
      ...about,
      created_at_ms: atMs,
      updated_at_ms: atMs,
    })
    .execute();
  return orderId;
}

const except = (orderId: string, code: string) =>
  transaction(cloud.context.db, (trx) =>
    insertException({ trx, nowMs: clock.wallMs(), logger: cloud.context.logger }, orderId, null, { code, detail: 'd' }),
  );

async function raise(code: string, severity = 'critical'): Promise<void> {
  const at = { raised_at_ms: clock.wallMs(), received_at_ms: clock.wallMs() };
  const alarm = { alarm_id: systemRandom.uuid(), source: 'site' as const, code, severity, detail: 'd', ...at };
  await cloud.context.db
    .insertInto('alarms')
    .values({ ...alarm, site_id: stage.siteId, connector_id: stage.connectorIds[0] ?? null })
    .execute();
  wake();
}

test('XC-02 a ticket is opened by hand, given to somebody, worked on, resolved, closed and opened again, by name', async () => {
  const ticket = await open({ title: 'Refund asked for', links: [{ kind: 'partner', id: stage.partnerId }] });
  expect(ticket).toMatchObject({ state: 'open', priority: 'normal', opened_by: 'Name of zhao-min', overdue: false });
  expect(Date.parse(ticket.due_at) - clock.wallMs()).toBe(24 * HOUR);
  const id = ticket.ticket_id;
  const given = await act(id, 'change', { assignee: 'zhao-min', priority: 'high', comment: 'mine' });
  expect(given.body).toMatchObject({ assignee: 'zhao-min', priority: 'high' });
  await act(id, 'move', { move: 'begin', comment: 'reading' });
  await act(id, 'comment', { comment: 'the partner is right' }, owner);
  expect((await act(id, 'move', { move: 'resolve', comment: 'refunded' })).body.resolution).toBe('refunded');
  const wrong = await act(id, 'move', { move: 'begin', comment: 'again' });
  expect([wrong.status, wrong.body.code, wrong.body.detail]).toEqual([
    409,
    'ticket.state',
    'it is resolved: close, reopen',
  ]);
  await act(id, 'move', { move: 'close', comment: 'seen' }, owner);
  clock.advance(HOUR);
  const reopened = (await act(id, 'move', { move: 'reopen', comment: 'not arrived' })).body;
  expect(reopened).toMatchObject({ state: 'reopened', moves: ['begin', 'wait', 'resolve'] });
  expect(Date.parse(reopened.due_at) - clock.wallMs()).toBe(4 * HOUR);
  expect(reopened.history.map(({ kind, by }: { kind: string; by: string }) => `${kind} ${by.slice(8)}`)).toEqual([
    'opened zhao-min',
    'changed zhao-min',
    'moved zhao-min',
    'commented li-na',
    'moved zhao-min',
    'moved li-na',
    'moved zhao-min',
  ]);
  expect(reopened.history[4].detail).toEqual({ from: 'in_progress', to: 'resolved', comment: 'refunded' });
});

test('XC-02 nobody changes the history of a ticket', async () => {
  const { ticket_id: id } = await open({ title: 'history' });
  for (const change of [
    sql`update ticket_events set by = 'nobody' where ticket_id = ${id}`,
    sql`delete from ticket_events where ticket_id = ${id}`,
  ])
    await expect(change.execute(cloud.context.db)).rejects.toThrow('never changed');
});

test('XC-02 who may not handle tickets opens none, and is given none', async () => {
  const auditor = await owner.invite('sun-li', 'auditor');
  expect((await auditor.ask('POST', '/tickets', { title: 'x' })).body.code).toBe('staff.forbidden');
  expect((await auditor.ask('GET', '/tickets')).status).toBe(200);
  const { ticket_id: id } = await open({ title: 'whose' });
  for (const assignee of ['sun-li', 'nobody-here'])
    expect((await act(id, 'change', { assignee })).body.code).toBe('staff.unknown');
  expect((await act(systemRandom.uuid(), 'comment', { comment: 'x' })).body.code).toBe('ticket.unknown');
  expect((await act(id, 'change', { comment: 'nothing' })).status).toBe(400);
  expect((await finance.ask('POST', '/tickets', {})).body.errors[0].pointer).toBe('#/title');
});

test('XC-02 exceptions of an order are one ticket, and are resolved with it', async () => {
  const orderId = await newOrder();
  await except(orderId, 'cdr.disagrees');
  await except(orderId, 'cdr.clock_corrected');
  wake();
  await expect.poll(async () => (await linkedTo('order', orderId)).length).toBe(1);
  const [{ ticket_id: id, opened_by: by, title }] = await linkedTo('order', orderId);
  expect([by, title]).toEqual(['platform', `Order ${orderId}: cdr.disagrees: d`]);
  const exceptions = async () =>
    (await owner.ask('GET', '/exceptions')).body.exceptions.filter(
      (one: { order_id: string }) => one.order_id === orderId,
    );
  await expect
    .poll(async () => (await exceptions()).map((one: { ticket_id: string }) => one.ticket_id))
    .toEqual([id, id]);
  const { links } = (await owner.ask('GET', `/tickets/${id}`)).body;
  expect(links.map((link: { kind: string }) => link.kind).sort()).toEqual([
    'connector',
    'exception',
    'exception',
    'order',
    'partner',
    'site',
  ]);
  expect((await exceptions())[0].resolved_at).toBeNull();
  await act(id, 'move', { move: 'resolve', comment: 'the bill stands' });
  expect((await exceptions()).map((one: { resolved_at: string }) => one.resolved_at)).toEqual(
    Array(2).fill(new Date(clock.wallMs()).toISOString()),
  );
  await act(id, 'move', { move: 'reopen', comment: 'the partner disagrees' });
  expect((await exceptions()).map((one: { resolved_at: string | null }) => one.resolved_at)).toEqual([null, null]);
  await act(id, 'move', { move: 'resolve', comment: 'a credit note' });
  // What is found after that is another matter.
  await except(orderId, 'cdr.again');
  wake();
  await expect.poll(async () => (await linkedTo('order', orderId, 'all')).length).toBe(2);
});

test('XC-02 what is linked by a UUID is found in whatever case that is written, and a name only as it is', async () => {
  const orderId = systemRandom.uuid();
  const links = [
    { kind: 'order', id: orderId.toUpperCase() },
    { kind: 'partner', id: 'Loud' },
  ];
  const { ticket_id: id } = await open({ title: 'refund', links });
  for (const written of [orderId, orderId.toUpperCase()])
    expect(await linkedTo('order', written)).toMatchObject([{ ticket_id: id }]);
  expect(await linkedTo('partner', 'Loud')).toHaveLength(1);
  expect(await linkedTo('partner', 'loud')).toEqual([]);
});

test('XC-02 what could not be taken is one ticket for each site and reason', async () => {
  const payload = { payload: '{}', received_at_ms: 1, reason: 'r', site_id: stage.siteId, source: 'record' as const };
  for (let seq = 1; seq <= 5; seq += 1)
    await cloud.context.db
      .insertInto('dead_letters')
      .values({ ...payload, code: seq < 5 ? 'wire.conflict' : 'wire.other', seq, payload_sha256: String(seq) })
      .execute();
  wake();
  const letters = async () => (await owner.ask('GET', '/dead-letters')).body.dead_letters;
  await expect
    .poll(async () => new Set((await letters()).map((one: { ticket_id: string | null }) => one.ticket_id)).size)
    .toBe(2);
  expect((await letters()).every((one: { ticket_id: string | null }) => one.ticket_id !== null)).toBe(true);
});

test('XC-02 XC-05 what can never be taken waits for a person until its ticket is resolved; what can be tried again, until it is taken', async () => {
  const letter = { payload: '{}', received_at_ms: 1, reason: 'r', code: 'wire.odd', site_id: 'elsewhere' };
  const kinds = [
    { source: 'message' as const, stream: null },
    { source: 'edge-nack' as const, stream: 'events' },
    { source: 'record' as const, stream: 'events' },
  ];
  await cloud.context.db
    .insertInto('dead_letters')
    .values(kinds.map((kind, n) => ({ ...letter, ...kind, payload_sha256: `odd-${n}` })))
    .execute();
  wake();
  const letters = async () =>
    (await owner.ask('GET', '/dead-letters')).body.dead_letters.filter(
      ({ site_id: siteId }: { site_id: string }) => siteId === 'elsewhere',
    );
  await expect.poll(async () => (await letters()).filter((one: { ticket_id: string }) => one.ticket_id).length).toBe(3);
  const [{ ticket_id: id }] = await letters();
  await act(id, 'move', { move: 'resolve', comment: 'an old program, which is gone' });
  expect((await letters()).map(({ source }: { source: string }) => source)).toEqual(['record']);
  await act(id, 'move', { move: 'reopen', comment: 'it is not' });
  expect(await letters()).toHaveLength(3);
});

test('XC-02 an emergency opens a ticket, and another like it is added to that until it is resolved', async () => {
  await raise('fire');
  await expect.poll(async () => (await linkedTo('site', stage.siteId)).filter(isUrgent).length).toBe(1);
  const [ticket] = (await linkedTo('site', stage.siteId)).filter(isUrgent);
  expect(Date.parse(ticket.due_at) - clock.wallMs()).toBe(HOUR);
  const [alert] = (await owner.ask('GET', '/alerts?code=fire')).body.alerts;
  await owner.ask('POST', `/alerts/${alert.alert_id}/close`, { reason: 'out' });
  await raise('fire');
  await expect.poll(async () => (await owner.ask('GET', '/alerts?code=fire')).body.alerts.length).toBe(1);
  const { links } = (await owner.ask('GET', `/tickets/${ticket.ticket_id}`)).body;
  expect(links.filter((link: { kind: string }) => link.kind === 'alert')).toHaveLength(2);
  expect((await linkedTo('site', stage.siteId)).filter(isUrgent)).toHaveLength(1);
});

test('XC-02 an emergency that comes again when its ticket is resolved has another ticket, also while its alert is open', async () => {
  await raise('flood');
  await expect.poll(async () => (await owner.ask('GET', '/alerts?code=flood')).body.alerts.length).toBe(1);
  const [alert] = (await owner.ask('GET', '/alerts?code=flood')).body.alerts;
  const tickets = () => linkedTo('alert', alert.alert_id);
  await expect.poll(async () => (await tickets()).length).toBe(1);
  const [{ ticket_id: id }] = await tickets();
  await act(id, 'move', { move: 'resolve', comment: 'pumped out' });
  await raise('flood');
  await expect.poll(async () => (await tickets()).length).toBe(1);
  expect((await tickets())[0].ticket_id).not.toBe(id);
});

test('XC-02 an alert that becomes an emergency has a ticket from then on', async () => {
  await raise('door-open', 'warning');
  const alerts = async () => (await owner.ask('GET', '/alerts?code=door-open')).body.alerts;
  await expect.poll(async () => (await alerts()).length).toBe(1);
  const [{ alert_id: alertId }] = await alerts();
  await owner.call('PUT', '/alert-settings/levels/door-open', { level: 'emergency', reason: 'a bank' });
  await raise('door-open', 'warning');
  await expect.poll(async () => (await linkedTo('alert', alertId)).length).toBe(1);
});
const isUrgent = ({ priority }: { priority: string }): boolean => priority === 'urgent';

test('XC-02 a ticket is opened from an alert, with its words, its level and what it is about', async () => {
  await raise('over-voltage');
  await expect.poll(async () => (await owner.ask('GET', '/alerts?code=over-voltage')).body.alerts.length).toBe(1);
  const [alert] = (await owner.ask('GET', '/alerts?code=over-voltage')).body.alerts;
  const ticket = await open({ alert_id: alert.alert_id, comment: 'call the grid' });
  expect(ticket).toMatchObject({ priority: 'high', title: `${alert.title} d` });
  expect(ticket.links).toContainEqual({ kind: 'connector', id: stage.connectorIds[0] });
  expect((await linkedTo('alert', alert.alert_id))[0].ticket_id).toBe(ticket.ticket_id);
});

test('XC-02 a ticket whose time is over raises one alarm, and another when its new time is over', async () => {
  const { ticket_id: id, number } = await open({ title: 'slow', priority: 'urgent' });
  const told = async () =>
    (await cloud.context.db.selectFrom('alarms').selectAll().where('about', 'like', `ticket/${number}/%`).execute())
      .length;
  const alerts = async () =>
    (await owner.ask('GET', '/alerts?code=ticket.overdue&state=unacknowledged')).body.alerts.filter(
      ({ subject_id: subject }: { subject_id: string }) => subject.startsWith(`${number}/`),
    );
  clock.advance(HOUR - 1);
  wake();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await told()).toBe(0);
  clock.advance(1);
  wake();
  await expect.poll(told).toBe(1);
  expect((await owner.ask('GET', `/tickets/${id}`)).body).toMatchObject({ overdue: true });
  const late = (await owner.ask('GET', '/tickets?overdue=true&priority=urgent')).body.tickets;
  expect(late.map((one: { ticket_id: string }) => one.ticket_id)).toContain(id);
  clock.advance(HOUR);
  wake();
  await act(id, 'change', { due_at: new Date(clock.wallMs() + HOUR).toISOString(), comment: 'parts come tomorrow' });
  expect(await told()).toBe(1);
  await expect.poll(async () => (await alerts()).length).toBe(1);
  const [{ alert_id: alertId }] = await alerts();
  await owner.ask('POST', `/alerts/${alertId}/acknowledge`, {});
  clock.advance(HOUR);
  wake();
  await expect.poll(told).toBe(2);
  // Who was at the one is not at the other.
  await expect.poll(async () => (await alerts()).length).toBe(1);
  await act(id, 'move', { move: 'resolve', comment: 'done' });
  expect((await owner.ask('GET', `/tickets/${id}`)).body).toMatchObject({ overdue: false });
});

test('XC-02 tickets are listed by state, priority and person, page by page without a gap', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 7; n += 1) {
    const { ticket_id: id } = await open({ title: `page ${n}`, priority: 'low' });
    ids.push(id);
    if (n % 2 === 0) await act(id, 'change', { assignee: 'zhao-min' });
    clock.advance(1_000);
  }
  const seen: string[] = [];
  let query = '?priority=low&limit=3';
  for (;;) {
    const { body } = await owner.ask('GET', `/tickets${query}`);
    seen.push(...body.tickets.map((one: { ticket_id: string }) => one.ticket_id));
    if (body.next_cursor === null) break;
    query = `?priority=low&limit=3&cursor=${body.next_cursor}`;
  }
  expect(seen).toEqual(ids.reverse());
  const count = async (filter: string) =>
    (await owner.ask('GET', `/tickets?priority=low&${filter}`)).body.tickets.length;
  expect([await count('assignee=zhao-min'), await count('assignee=nobody'), await count('state=resolved')]).toEqual([
    4, 3, 0,
  ]);
  expect((await owner.ask('GET', '/tickets?link_kind=site')).status).toBe(400);
});
