import { afterAll, beforeAll, expect, test } from 'vitest';
import { StaffPerson } from '../testing/staff-person.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let owner: StaffPerson;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  owner = await StaffPerson.firstOwner(cloud, clock, 'li-na');
});
afterAll(() => cloud?.stop());

const setLevel = (code: string, level: string | null) =>
  owner.ask('PUT', `/alert-settings/levels/${code}`, { level, reason: 'too loud' });

test('XC-01 an emergency is not made less by a session alone', async () => {
  expect((await setLevel('fire', 'critical')).body.code).toBe('confirmation.required');
});

test('XC-01 a level that was raised is not taken back by a session alone', async () => {
  await owner.call('PUT', '/alert-settings/levels/auth.banned', { level: 'emergency', reason: 'we are attacked' });
  expect((await setLevel('auth.banned', null)).body.code).toBe('confirmation.required');
});
