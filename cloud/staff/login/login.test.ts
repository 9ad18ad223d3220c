import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { buildApp } from '../../app.ts';
import { readinessOf } from '../../readiness.ts';
import { askAsStaff, fromBase32, StaffPerson } from '../../testing/staff-person.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../testing/test-cloud.ts';
import { findSession } from './sessions.ts';
import { totpCode, totpStep } from './totp.ts';

const clock = createTestClock();
const HOUR_MS = 3_600_000;
let cloud: TestCloud;
let owner: StaffPerson;
let runs = 0;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());
beforeEach(async () => {
  runs += 1;
  if (runs > 1) await owner.logIn();
});

const byToken = (method: string, path: string, body?: object) =>
  askAsStaff(cloud, { method, path, token: cloud.staffToken, ...(body && { body }) });
const person = (role: Parameters<StaffPerson['invite']>[1] = 'support') => owner.invite(`someone-${runs}`, role);
const audited = async (action: string) => (await owner.ask('GET', `/audit?action=${action}&limit=500`)).body.entries;
const refusal = ({ status, body }: { status: number; body: { code?: string } }) => [status, body.code];
const REFUSED = [401, 'staff.login_refused'];
const OVER = [401, 'staff.session_over'];

test('XC-01 the staff token lets machines in until the first owner has both factors, and not after', async () => {
  const first = { staff_id: 'li-na', name: 'Li Na' };
  const lost = await byToken('POST', '/accounts/first', first);
  const { invitation } = (await byToken('POST', '/accounts/first', first)).body;
  expect((await byToken('GET', '/alarms')).status).toBe(200);
  const oldInvited = { staff_id: 'li-na', invitation: lost.body.invitation, password: 'correct horse battery' };
  const old = await askAsStaff(cloud, { method: 'POST', path: '/invitations/begin', body: oldInvited });
  expect(refusal(old)).toEqual([403, 'staff.invitation_refused']);
  owner = await StaffPerson.enrol(cloud, clock, 'li-na', invitation);
  for (const answer of [await byToken('GET', '/alarms'), await byToken('POST', '/accounts/first', first)])
    expect(refusal(answer)).toEqual([401, 'staff.token_over']);
  expect((await owner.ask('GET', '/actions')).body).toMatchObject({ staff_id: 'li-na', name: 'Li Na', role: 'owner' });
});

test('XC-01 beside people with accounts a machine makes no owner and confirms nothing, unless the way back is opened', async () => {
  const { context } = cloud;
  const by = async (tokenUse: 'machines' | 'recovery') => {
    const settings = { ...context.settings, staff: { ...context.settings.staff, tokenUse } };
    const app = await buildApp({
      context: { ...context, settings },
      staffToken: cloud.staffToken,
      publicUrl: null,
      readiness: () => readinessOf(context, null),
    });
    const ask = (method: string, path: string, body?: object) =>
      askAsStaff({ app }, { method, path, token: cloud.staffToken, ...(body && { body }) });
    expect((await ask('GET', '/alarms')).status).toBe(200);
    const revoked = await ask('POST', '/sites/x/credentials/revoke', { requested_by: 'Li Na', reason: 'r' });
    expect(refusal(revoked)).toEqual([403, 'confirmation.by_person']);
    const first = await ask('POST', '/accounts/first', { staff_id: 'way-back', name: 'W' });
    await app.close();
    return first.status;
  };
  expect([await by('machines'), await by('recovery')]).toEqual([409, 201]);
});

test('XC-01 nobody comes in with one factor, a wrong one, or an unknown name, and all hear the same', async () => {
  const someone = await person();
  const answers = [
    await someone.logIn({ password: 'wrong horse battery' }),
    await someone.logIn({ code: '000000' }),
    await someone.logIn({ staff_id: 'nobody' }),
  ];
  for (const { status, body } of answers)
    expect([status, body.code, body.detail]).toEqual([
      401,
      'staff.login_refused',
      'account, password and second factor do not belong together',
    ]);
  expect((await someone.logIn({ code: undefined })).status).toBe(400);
  expect((await askAsStaff(cloud, { method: 'GET', path: '/alarms' })).status).toBe(401);
  const refused = (await audited('session.refused')).filter(
    (row: { subject_id: string }) => row.subject_id === someone.staffId,
  );
  expect(refused).toHaveLength(2);
  expect((await someone.logIn()).status).toBe(201);
});

test('XC-01 a code is good once, also for two who send it at the same time', async () => {
  const someone = await person();
  const code = someone.freshCode();
  const both = await Promise.all([someone.logIn({ code }), someone.logIn({ code })]);
  expect(both.map(({ status }) => status).sort()).toEqual([201, 401]);
  expect(refusal(await someone.logIn({ code }))).toEqual(REFUSED);
});

test('XC-01 a recovery code is good once, in place of a code', async () => {
  const someone = await person();
  expect(new Set(someone.recoveryCodes).size).toBe(10);
  const [first = '', second = ''] = someone.recoveryCodes;
  const by = (recovery_code: string) => someone.logIn({ code: undefined, recovery_code });
  expect((await by(first)).status).toBe(201);
  expect(refusal(await by(first))).toEqual(REFUSED);
  expect((await by(` ${second.toUpperCase()}`)).status).toBe(201);
  expect(refusal(await by('00000-00000-00000-00000'))).toEqual(REFUSED);
});

test('XC-01 an account waits after five failures, however many come at once, and a right login is not heard before', async () => {
  const someone = await person();
  const guesses = await Promise.all(
    Array.from({ length: 12 }, () => someone.logIn({ password: 'a guess of many', code: '000000' })),
  );
  const told = guesses.map(({ status }) => status);
  expect([told.filter((status) => status === 401).length, told.filter((status) => status === 429).length]).toEqual([
    5, 7,
  ]);
  clock.advance(-30_000);
  const waiting = await someone.logIn();
  expect(refusal(waiting)).toEqual([429, 'staff.too_many']);
  expect(waiting.headers['retry-after']).toBe('30');
  clock.advance(60_000);
  expect((await someone.logIn()).status).toBe(201);
  expect(refusal(await someone.logIn({ code: '000000' }))).toEqual(REFUSED);
});

test('XC-01 names that nobody has wait as well, and tell nothing by that', async () => {
  const codes = [];
  for (let i = 0; i < 6; i++) codes.push((await owner.logIn({ staff_id: 'no-one', code: '000000' })).status);
  expect(codes).toEqual([401, 401, 401, 401, 401, 429]);
});

test('XC-01 an address that fails too often waits, whatever names it tries', async () => {
  clock.advance(60_000);
  const body = { password: 'a guess of many', code: '000000' };
  const statuses = [];
  for (let i = 0; i < 21; i++) {
    const guess = { ...body, staff_id: `name-${i}` };
    statuses.push((await askAsStaff(cloud, { method: 'POST', path: '/sessions', body: guess })).status);
  }
  expect(statuses).toEqual([...Array.from({ length: 20 }, () => 401), 429]);
  clock.advance(60_000);
});

test('XC-01 a session ends when nothing comes, and in any case after its time', async () => {
  const someone = await person();
  const look = () => someone.ask('GET', '/alarms');
  for (let i = 0; i < 3; i++) {
    clock.advance(29 * 60_000);
    expect((await look()).status).toBe(200);
  }
  clock.advance(30 * 60_000);
  expect(refusal(await look())).toEqual(OVER);
  await someone.logIn();
  for (let i = 0; i < 24; i++) {
    expect((await look()).status).toBe(200);
    clock.advance(HOUR_MS / 2 - 30_000);
  }
  expect((await look()).status).toBe(200);
  clock.advance(24 * 30_000);
  expect(refusal(await look())).toEqual(OVER);
});

test('XC-01 a session that is used goes on, however short a time it may stand idle', async () => {
  const someone = await person();
  const { settings } = cloud.context;
  const brief = { ...cloud.context, settings: { ...settings, staff: { ...settings.staff, idleMs: 60_000 } } };
  for (let i = 0; i < 5; i++) {
    expect((await findSession(brief, someone.token)).staffId).toBe(someone.staffId);
    clock.advance(50_000);
  }
  clock.advance(10_000);
  await expect(findSession(brief, someone.token)).rejects.toThrow('staff.session_over');
});

test('XC-01 logging out ends this session, logging out everywhere every one, in every process at once', async () => {
  const { context } = cloud;
  const app = await buildApp({
    context: { ...context, processId: 'another process' },
    staffToken: cloud.staffToken,
    publicUrl: null,
    readiness: () => readinessOf(context, null),
  });
  const someone = await person();
  const tokens = [someone.token];
  for (let i = 0; i < 2; i++) tokens.push((await someone.logIn()).body.token);
  const there = async () => {
    const answers = tokens.map((token) => askAsStaff({ app }, { method: 'GET', path: '/alarms', token }));
    return (await Promise.all(answers)).map(({ status }) => status);
  };
  expect(await there()).toEqual([200, 200, 200]);
  expect((await someone.ask('DELETE', '/sessions/current')).body).toEqual({ ended: 1 });
  expect(await there()).toEqual([200, 200, 401]);
  someone.token = tokens[0] ?? '';
  expect((await someone.ask('DELETE', '/sessions/all')).body).toEqual({ ended: 2 });
  expect(await there()).toEqual([401, 401, 401]);
  await app.close();
});

test('XC-01 what an owner takes away is away at the next request', async () => {
  const someone = await person('technician');
  const id = someone.staffId;
  await owner.call('POST', `/accounts/${id}/role`, { role: 'legal' });
  expect(refusal(await someone.ask('GET', '/alarms'))).toEqual(OVER);
  await someone.logIn();
  expect(refusal(await someone.ask('GET', '/alarms'))).toEqual([403, 'staff.forbidden']);
  await owner.call('POST', `/accounts/${id}/disable`);
  expect(refusal(await someone.ask('GET', '/actions'))).toEqual(OVER);
  expect(refusal(await someone.logIn())).toEqual(REFUSED);
  const { invitation } = (await owner.call('POST', `/accounts/${id}/invite`)).body;
  expect(refusal(await someone.logIn())).toEqual(REFUSED);
  const again = await StaffPerson.enrol(cloud, clock, id, invitation);
  expect((await again.ask('GET', '/actions')).body.role).toBe('legal');
  expect(refusal(await someone.logIn())).toEqual(REFUSED);
});

test('XC-01 the last owner who can log in stays one', async () => {
  for (const [path, body] of [
    ['disable', undefined],
    ['invite', undefined],
    ['role', { role: 'support' }],
  ] as const)
    expect(refusal(await owner.call('POST', `/accounts/li-na/${path}`, body))).toEqual([409, 'staff.last_owner']);
  expect(refusal(await owner.call('POST', '/accounts/nobody/disable'))).toEqual([404, 'staff.unknown']);
  const other = await person('owner');
  expect((await other.call('POST', '/accounts/li-na/role', { role: 'owner' })).status).toBe(200);
  await owner.logIn();
  expect((await owner.call('POST', `/accounts/${other.staffId}/disable`)).status).toBe(200);
});

test('XC-01 an invitation is good once, for three days, for a password that is worth its name', async () => {
  const invite = async (id: string) =>
    (await owner.call('POST', '/accounts', { staff_id: id, name: 'N', role: 'support' })).body.invitation as string;
  const begin = (staffId: string, invitation: string, password = 'correct horse battery') =>
    askAsStaff(cloud, {
      method: 'POST',
      path: '/invitations/begin',
      body: { staff_id: staffId, invitation, password },
    });
  const finish = (staffId: string, invitation: string, code: string) =>
    askAsStaff(cloud, { method: 'POST', path: '/invitations/finish', body: { staff_id: staffId, invitation, code } });
  const invitation = await invite('invited-a');
  expect((await begin('invited-a', invitation, 'short')).body.errors).toMatchObject([{ pointer: '#/password' }]);
  const lost = (await begin('invited-a', invitation)).body.totp_secret;
  const secret = fromBase32((await begin('invited-a', invitation)).body.totp_secret);
  const codeOf = (bytes: Buffer) => totpCode(bytes, totpStep(clock.wallMs()));
  expect((await finish('invited-a', invitation, codeOf(fromBase32(lost)))).status).toBe(403);
  expect((await finish('invited-a', invitation, codeOf(secret))).status).toBe(200);
  expect((await finish('invited-a', invitation, codeOf(secret))).status).toBe(403);
  expect((await begin('invited-a', invitation)).status).toBe(403);
  const other = await invite('invited-b');
  expect((await begin('invited-a', other)).status).toBe(403);
  clock.advance(72 * HOUR_MS);
  expect((await begin('invited-b', other)).status).toBe(403);
});

test('XC-01 SY-06 the database holds neither password, secret, token nor code in clear', async () => {
  const someone = await person();
  const { db } = cloud.context;
  const rows = JSON.stringify([
    await db.selectFrom('staff_accounts').selectAll().execute(),
    await db.selectFrom('staff_sessions').selectAll().execute(),
    await db.selectFrom('staff_recovery_codes').selectAll().execute(),
    await db.selectFrom('audit_log').selectAll().execute(),
  ]);
  expect(rows).toContain(someone.staffId);
  for (const secret of [someone.password, someone.token, ...someone.recoveryCodes]) expect(rows).not.toContain(secret);
  for (const code of someone.recoveryCodes) expect(rows).not.toContain(code.replaceAll('-', ''));
});
