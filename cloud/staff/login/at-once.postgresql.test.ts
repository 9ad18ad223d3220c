import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { transaction } from '../../db/transaction.ts';
import { askAsStaff, fromBase32, StaffPerson } from '../../testing/staff-person.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import { startTwoProcesses, type TwoProcesses } from '../../testing/two-processes.ts';
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
