import { sql } from 'kysely';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { transaction } from '../../db/transaction.ts';
import { askAsStaff, fromBase32, StaffPerson } from '../../testing/staff-person.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import { startTwoProcesses, type TwoProcesses } from '../../testing/two-processes.ts';
import { attemptSucceeded } from './attempts.ts';
import { endSessions } from './sessions.ts';
import { totpCode, totpStep } from './totp.ts';

const clock = createTestClock();
let processes: TwoProcesses;
let owner: StaffPerson;

beforeAll(async () => {
  processes = await startTwoProcesses(inject('postgresqlUrl'), clock);
  owner = await StaffPerson.firstOwner(processes.cloud, clock, 'li-na');
});
afterAll(() => processes?.stop());

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** So many wait for a lock of somebody else. */
const untilWaiting = (count: number) =>
  expect
    .poll(async () => {
      const { rows } = await sql<{ pid: number }>`select pid from pg_locks where not granted
        and pid in (select pid from pg_stat_activity where datname = current_database())`.execute(
        processes.cloud.context.db,
      );
      return rows.length;
    })
    .toBe(count);

test('XC-01 who logs in while another login of theirs makes their failures forgotten comes in', async () => {
  const { db } = processes.cloud.context;
  const someone = await owner.invite('zhao-min', 'support');
  const [code = ''] = someone.recoveryCodes;
  const key = 'login:zhao-min';
  await db.insertInto('staff_attempts').values({ attempt_key: key, failures: 1, last_at_ms: clock.wallMs() }).execute();
  let answer: ReturnType<StaffPerson['logIn']> | undefined;
  await transaction(db, async (trx) => {
    await trx.selectFrom('staff_attempts').selectAll().where('attempt_key', '=', key).forUpdate().execute();
    answer = someone.logIn({ code: undefined, recovery_code: code });
    await untilWaiting(1);
    await attemptSucceeded(trx, key);
  });
  expect((await answer)?.status).toBe(201);
});

test('XC-01 whoever hears that they are logged in is counted no more among those who fail', async () => {
  const { db } = processes.cloud.context;
  const someone = await owner.invite('chen-jie', 'support');
  await db.deleteFrom('rate_buckets').execute();
  const heard: string[] = [];
  let answer: Promise<unknown> = Promise.resolve();
  await transaction(db, async (bucket) => {
    await transaction(db, async (audit) => {
      await sql`select pg_advisory_xact_lock(7145302)`.execute(audit);
      answer = someone.logIn().then(({ status }) => heard.push(String(status)));
      await untilWaiting(1);
      await bucket.selectFrom('rate_buckets').selectAll().forUpdate().execute();
    });
    await untilWaiting(1);
    await pause(100);
    expect(heard).toEqual([]);
  });
  await answer;
  expect(heard).toEqual(['201']);
});

/** Does something to an account while what somebody else has begun with it waits for its row. */
async function meanwhile<Value>(staffId: string, begin: () => Promise<Value>, change: object): Promise<Value> {
  const { cloud } = processes;
  let begun: Promise<Value> | null = null;
  await transaction(cloud.context.db, async (trx) => {
    await trx.updateTable('staff_accounts').set(change).where('staff_id', '=', staffId).execute();
    await endSessions(trx, staffId, 'all', clock.wallMs());
    begun = begin();
    await pause(1_500);
  });
  return begun as unknown as Promise<Value>;
}

test('XC-01 whoever is disabled while they enrol is not made active by that', async () => {
  const { body } = await owner.call('POST', '/accounts', { staff_id: 'wang-wei', name: 'Wang Wei', role: 'owner' });
  const invited = { staff_id: 'wang-wei', invitation: body.invitation };
  const begun = await askAsStaff(processes.cloud, {
    method: 'POST',
    path: '/invitations/begin',
    body: { ...invited, password: owner.password },
  });
  clock.advance(30_000);
  const code = totpCode(fromBase32(begun.body.totp_secret), totpStep(clock.wallMs()));
  const finish = () =>
    askAsStaff({ app: processes.second }, { method: 'POST', path: '/invitations/finish', body: { ...invited, code } });
  const done = await meanwhile('wang-wei', finish, {
    state: 'disabled',
    password_hash: null,
    totp_sealed: null,
    invitation_sha256: null,
    invitation_expires_at_ms: null,
  });
  expect(done.status).toBeLessThan(500);
  const { accounts } = (await owner.ask('GET', '/accounts')).body;
  expect(accounts.find((one: { staff_id: string }) => one.staff_id === 'wang-wei').state).toBe('disabled');
});

test('XC-01 a login with the password of before, begun before it was changed, begins no session after it', async () => {
  const body = { staff_id: 'li-na', password: owner.password, code: owner.freshCode() };
  const logIn = () => askAsStaff({ app: processes.second }, { method: 'POST', path: '/sessions', body });
  const answer = await meanwhile('li-na', logIn, { password_hash: 'scrypt$15$8$3$AAAA$AAAA' });
  expect(answer.status).toBe(401);
});
