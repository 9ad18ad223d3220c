import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { totpCode, totpStep } from '../../cloud/staff/login/totp.ts';
import { fromBase32 } from '../../cloud/testing/staff-person.ts';
import { createTestClock } from '../../cloud/testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { runStaff } from './run.ts';

const clock = createTestClock();
const PASSWORD = 'correct horse battery';
let cloud: TestCloud;
let folder: string;
let secret: Buffer;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  folder = mkdtempSync(join(tmpdir(), 'pilegate-staff-'));
  mkdirSync(join(folder, 'cloud', 'keys'), { recursive: true });
  writeFileSync(join(folder, 'cloud', 'keys', 'staff.token'), `${cloud.staffToken}\n`);
});
afterAll(async () => {
  await cloud?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

const file = () => join(folder, 'state', 'pilegate', 'staff-session.json');

/** What is typed is given in order; a function is asked when its turn comes. */
async function staff(args: readonly string[], ...typed: (string | ((out: string) => string))[]) {
  const told = { out: '', err: '', questions: '' };
  const code = await runStaff(args, {
    env: { XDG_STATE_HOME: join(folder, 'state') },
    ask(question, kind) {
      told.questions += `${kind} ${question}`;
      const next = typed.shift() ?? '';
      return Promise.resolve(typeof next === 'string' ? next : next(told.out));
    },
    out: (text) => {
      told.out += text;
    },
    err: (text) => {
      told.err += text;
    },
  });
  return { code, ...told };
}

const url = () => ['--url', cloud.httpUrl];
const freshCode = (): string => {
  clock.advance(30_000);
  return totpCode(secret, totpStep(clock.wallMs()));
};
const site = [
  'site.create',
  'site_id=EAST',
  'name=East',
  'environment=sandbox',
  'timezone=Asia/Shanghai',
  'connectors:=[{"connector_id":"E1","pile_id":"P1","model":"sim","max_power_w":7000}]',
];

test('XC-01 from nothing to a session: the first owner is invited on the machine, enrols, and logs in', async () => {
  const data = ['--data', join(folder, 'cloud')];
  const invited = await staff([...url(), ...data, '--json', 'first-owner', 'staff_id=li-na', 'name=Li Na']);
  expect(invited.code, invited.err).toBe(0);
  const { invitation } = JSON.parse(invited.out);
  const enrolled = await staff([...url(), 'enrol', 'staff_id=li-na'], invitation, PASSWORD, PASSWORD, (out) => {
    secret = fromBase32(/totp_secret +(\w+)/.exec(out)?.[1] ?? '');
    return freshCode();
  });
  expect([enrolled.code, enrolled.err]).toEqual([0, '']);
  expect(enrolled.out).toMatch(/recovery_codes +\["[0-9a-f]{5}-/);
  expect(enrolled.questions).toMatch(/^secret Invitation: secret New password: secret The same again: shown Code: $/);
  const loggedIn = await staff([...url(), 'login', 'staff_id=li-na'], PASSWORD, freshCode());
  expect([loggedIn.code, loggedIn.err]).toEqual([0, '']);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(loggedIn.out).not.toContain(JSON.parse(readFileSync(file(), 'utf8')).token);
});

test('XC-01 what can be done and read has a command, readable or as JSON', async () => {
  const made = await staff([...site]);
  expect([made.code, made.err]).toEqual([0, '']);
  expect(made.out).toMatch(/^site_id +EAST$/m);
  const actions = await staff(['actions']);
  expect(actions.out).toMatch(/POST +\/staff\/v1\/sites +sites\.write +site\.create +true/);
  const audit = await staff(['--json', 'audit', 'action=site.create', 'limit=5']);
  expect(JSON.parse(audit.out).entries).toMatchObject([{ actor_id: 'li-na', subject_id: 'EAST' }]);
  expect(JSON.parse((await staff(['--json', 'audit', 'verify'])).out).broken).toBeNull();
  const gaps = await staff(['--json', 'record-gaps', 'site_id=EAST', 'limit=5']);
  expect(JSON.parse(gaps.out)).toEqual({ record_gaps: [] });
});

test('XC-01 what is dangerous asks for a code, and is done with it', async () => {
  const wish = ['site.revoke', 'site_id=EAST', 'reason=stolen'];
  const wrong = await staff(wish, '000000');
  expect([wrong.code, wrong.out]).toEqual([1, '']);
  expect(wrong.err).toMatch(/^staff\.login_refused \(401\)/);
  const done = await staff(wish, freshCode());
  expect([done.code, done.err]).toEqual([0, '']);
  expect(done.questions).toBe('shown site.revoke needs a fresh code. Code: ');
});

test('XC-08 a refusal says in both languages what is wrong, and ends with a failure', async () => {
  const again = await staff(site);
  expect([again.code, again.out]).toEqual([1, '']);
  expect(again.err).toContain('resource.exists (409)');
  expect(again.err).toMatch(/It exists already.*\n已存在/);
  const bad = await staff(['site.create', 'site_id=a b']);
  expect(bad.err).toContain('#/site_id: ');
  expect(JSON.parse((await staff(['--json', ...site])).out).code).toBe('resource.exists');
  expect((await staff([])).code).toBe(2);
  expect((await staff(['no', 'such', 'thing'])).code).toBe(2);
  const nowhere = await staff(['--url', 'http://127.0.0.1:1', 'login', 'staff_id=li-na'], 'p', '000000');
  expect([nowhere.code, nowhere.err]).toEqual([2, expect.stringContaining('http://127.0.0.1:1 cannot be reached: ')]);
});

test('XC-01 a session goes to no other cloud, is read by nobody else, and is gone after the logout', async () => {
  const elsewhere = await staff(['--url', 'http://127.0.0.1:1', 'alarms']);
  expect([elsewhere.code, elsewhere.err]).toEqual([2, expect.stringContaining('the session is of')]);
  chmodSync(file(), 0o644);
  expect((await staff(['alarms'])).err).toContain('can be read by others');
  chmodSync(file(), 0o600);
  const kept = readFileSync(file(), 'utf8');
  expect((await staff(['logout'])).code).toBe(0);
  expect(existsSync(file())).toBe(false);
  expect((await staff(['alarms'])).err).toContain('nobody is logged in');
  writeFileSync(file(), kept, { mode: 0o600 });
  expect((await staff(['alarms'])).err).toContain('staff.session_over');
});
