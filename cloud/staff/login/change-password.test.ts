import { afterAll, beforeAll, expect, test } from 'vitest';
import { StaffPerson } from '../../testing/staff-person.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../testing/test-cloud.ts';

const clock = createTestClock();
const NEW_PASSWORD = 'another long one';
let cloud: TestCloud;
let owner: StaffPerson;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  owner = await StaffPerson.firstOwner(cloud, clock, 'li-na');
});
afterAll(() => cloud?.stop());

let people = 0;
const person = () => owner.invite(`person-${++people}`, 'support');
const change = (someone: StaffPerson, wish: object = {}) =>
  someone.ask('POST', '/password', {
    password: someone.password,
    code: someone.freshCode(),
    new_password: NEW_PASSWORD,
    ...wish,
  });
const isIn = async (someone: StaffPerson, token: string): Promise<boolean> => {
  someone.token = token;
  return (await someone.ask('GET', '/actions')).status === 200;
};

test('XC-01 a new password takes the place of the old one, ends the other sessions, and is on the record without a word of it', async () => {
  const someone = await person();
  const elsewhere = someone.token;
  await someone.logIn();
  const here = someone.token;
  expect(await change(someone)).toMatchObject({ status: 200, body: { ended_sessions: 1 } });
  expect([await isIn(someone, elsewhere), await isIn(someone, here)]).toEqual([false, true]);
  expect((await someone.logIn()).status).toBe(401);
  expect((await someone.logIn({ password: NEW_PASSWORD })).status).toBe(201);
  const rows = await cloud.context.db
    .selectFrom('audit_log')
    .selectAll()
    .where('action', '=', 'staff.change_password')
    .execute();
  expect(rows).toMatchObject([{ actor_id: someone.staffId, subject_id: someone.staffId, detail: '{}' }]);
});

test('XC-01 a session alone changes no password, and who guesses waits', async () => {
  const someone = await person();
  expect((await change(someone, { password: 'a guess of many' })).body.code).toBe('staff.login_refused');
  expect((await change(someone, { code: '000000' })).body.code).toBe('staff.login_refused');
  for (let guess = 0; guess < 3; guess += 1) await change(someone, { password: 'a guess of many' });
  clock.advance(-30_000);
  expect((await change(someone)).body.code).toBe('staff.too_many');
  clock.advance(60_000);
  expect((await someone.logIn()).status).toBe(201);
});

test('XC-01 a weak password, the same one, and a code that was used are refused', async () => {
  const someone = await person();
  for (const new_password of ['short', someone.password, `${someone.staffId} and more`])
    expect(await change(someone, { new_password })).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
  const code = someone.freshCode();
  expect((await someone.logIn({ code })).status).toBe(201);
  expect((await change(someone, { code })).body.code).toBe('staff.login_refused');
});

test('XC-01 a machine has no password', async () => {
  const keeping = await startTestCloud({ clock });
  try {
    const answer = await keeping.app.inject({
      method: 'POST',
      url: '/staff/v1/password',
      headers: { authorization: `Bearer ${keeping.staffToken}`, 'content-type': 'application/json' },
      payload: { password: 'x', code: '000000', new_password: NEW_PASSWORD },
    });
    expect(answer.json()).toMatchObject({ status: 403, code: 'staff.forbidden' });
  } finally {
    await keeping.stop();
  }
});
