import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type StaffAnswer, StaffPerson } from '../../testing/staff-person.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let owner: StaffPerson;
let runs = 0;
let siteId = '';

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  owner = await StaffPerson.firstOwner(cloud, clock, 'li-na');
});
afterAll(() => cloud?.stop());
beforeEach(async () => {
  runs += 1;
  await owner.logIn();
  siteId = await newSite(`site-${runs}`);
});

async function newSite(id: string): Promise<string> {
  const connectors = [{ connector_id: `${id}-c`, pile_id: `${id}-p`, model: 'sim', max_power_w: 7_000 }];
  const site = { site_id: id, name: id, environment: 'sandbox', timezone: 'Asia/Shanghai', connectors };
  expect((await owner.ask('POST', '/sites', site)).status).toBe(201);
  return id;
}

const revoke = (id = siteId, confirmation?: string, reason = 'stolen'): Promise<StaffAnswer> =>
  owner.ask(
    'POST',
    `/sites/${id}/credentials/revoke`,
    { reason },
    confirmation === undefined ? {} : { 'pilegate-confirmation': confirmation },
  );
const isRevoked = async (id = siteId): Promise<boolean> =>
  (await owner.ask('GET', `/sites/${id}/credentials`)).body.revoked_at !== null;
const challengeOf = async (asked: Promise<StaffAnswer>): Promise<string> => {
  const { status, body } = await asked;
  expect([status, body.code]).toEqual([403, 'confirmation.required']);
  return body.challenge;
};
const confirmed = async (asked: Promise<StaffAnswer>): Promise<string> => {
  const { status, body } = await owner.confirm(await challengeOf(asked));
  expect(status, JSON.stringify(body)).toBe(201);
  return body.confirmation;
};

test('XC-01 what is dangerous is done after a fresh code, and the log tells which one confirmed it', async () => {
  const challenge = await challengeOf(revoke());
  expect(await isRevoked()).toBe(false);
  const { body } = await owner.confirm(challenge);
  expect(body.action).toBe('site.revoke');
  expect(await isRevoked()).toBe(false);
  expect((await revoke(siteId, body.confirmation)).status).toBe(200);
  expect(await isRevoked()).toBe(true);
  const { entries } = (await owner.ask('GET', `/audit?subject_kind=site&subject_id=${siteId}&limit=1`)).body;
  expect(entries[0]).toMatchObject({ action: 'site.revoke', actor_id: 'li-na', detail: { confirmation: challenge } });
  const alarm = (await owner.ask('GET', '/alarms?limit=1')).body.alarms[0];
  expect(alarm.detail).toBe('by Name of li-na: stolen');
});

test('XC-01 a confirmation is for one request: no other subject, body, or action, and not twice', async () => {
  const other = await newSite(`other-${runs}`);
  const confirmation = await confirmed(revoke());
  await challengeOf(revoke(other, confirmation));
  await challengeOf(revoke(siteId, confirmation, 'another reason'));
  await challengeOf(owner.ask('POST', '/accounts/li-na/disable', {}, { 'pilegate-confirmation': confirmation }));
  expect([await isRevoked(), await isRevoked(other)]).toEqual([false, false]);
  expect((await revoke(siteId, confirmation)).status).toBe(200);
  await challengeOf(revoke(siteId, confirmation));
});

test('XC-01 of two who use a confirmation at once one is heard', async () => {
  const confirmation = await confirmed(revoke());
  const both = await Promise.all([revoke(siteId, confirmation), revoke(siteId, confirmation)]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 403]);
});

test('XC-01 a confirmation holds for two minutes, and its challenge for five', async () => {
  const confirmation = await confirmed(revoke());
  clock.advance(120_000);
  const challenge = await challengeOf(revoke(siteId, confirmation));
  clock.advance(300_000);
  const late = await owner.confirm(challenge);
  expect([late.status, late.body.code]).toEqual([404, 'confirmation.unknown']);
  expect(await isRevoked()).toBe(false);
});

test('XC-01 a confirmation belongs to its session', async () => {
  const confirmation = await confirmed(revoke());
  const waiting = await challengeOf(revoke(siteId, undefined, 'another'));
  await owner.logIn();
  await challengeOf(revoke(siteId, confirmation));
  expect((await owner.confirm(waiting)).body.code).toBe('confirmation.unknown');
});

test('XC-01 the code that somebody has logged in with confirms nothing', async () => {
  const challenge = await challengeOf(revoke());
  const used = await owner.confirm(challenge, owner.codeNow());
  expect([used.status, used.body.code]).toEqual([401, 'staff.login_refused']);
  expect((await owner.confirm(challenge)).status).toBe(201);
});

test('XC-01 who has only a session guesses five codes, and then waits', async () => {
  const challenge = await challengeOf(revoke());
  const guesses = [];
  for (let i = 0; i < 6; i++) guesses.push((await owner.confirm(challenge, '000000')).status);
  expect(guesses).toEqual([401, 401, 401, 401, 401, 429]);
  clock.advance(30_000);
  expect((await owner.confirm(challenge)).status).toBe(201);
});

test('XC-01 a role that may not do it is not asked to confirm it', async () => {
  const support = await owner.invite(`support-${runs}`, 'support');
  const answer = await support.ask('POST', `/sites/${siteId}/credentials/revoke`, { reason: 'x' });
  expect([answer.status, answer.body.code]).toEqual([403, 'staff.forbidden']);
});
