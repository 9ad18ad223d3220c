import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemRandom } from '../random.ts';
import { newAlarm } from '../testing/new-alarm.ts';
import { StaffPerson } from '../testing/staff-person.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let owner: StaffPerson;
let support: StaffPerson;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  owner = await StaffPerson.firstOwner(cloud, clock, 'li-na');
  support = await owner.invite('wang-wei', 'support');
});
afterAll(() => cloud?.stop());

const listed = async (state: string): Promise<string[]> =>
  (await support.ask('GET', `/alarms?state=${state}`)).body.alarms.map((alarm: { alarm_id: string }) => alarm.alarm_id);

test('XC-02 an alarm is acknowledged by the first who is at it, and closed with a reason, by name', async () => {
  const id = await newAlarm(cloud, 'critical');
  expect([await listed('unacknowledged'), await listed('open')]).toEqual([[id], [id]]);
  const first = await support.ask('POST', `/alarms/${id}/acknowledge`, {});
  const firstAt = new Date(clock.wallMs()).toISOString();
  expect(first.body).toMatchObject({ acknowledged_by: 'Name of wang-wei', acknowledged_at: firstAt, closed_at: null });
  clock.advance(60_000);
  const second = await owner.ask('POST', `/alarms/${id}/acknowledge`, {});
  expect(second.body).toMatchObject({ acknowledged_by: 'Name of wang-wei', acknowledged_at: firstAt });
  expect([await listed('unacknowledged'), await listed('open')]).toEqual([[], [id]]);
  const closed = await owner.ask('POST', `/alarms/${id}/close`, { reason: 'fuse changed' });
  expect(closed.body).toMatchObject({ closed_by: 'Name of li-na', close_reason: 'fuse changed' });
  expect([await listed('open'), await listed('all')]).toEqual([[], [id]]);
});

test('XC-02 what is closed stays as it is, and nothing is closed without a reason', async () => {
  const id = await newAlarm(cloud, 'critical');
  expect((await support.ask('POST', `/alarms/${id}/close`, {})).status).toBe(400);
  expect((await support.ask('POST', `/alarms/${id}/close`, { reason: 'a test' })).status).toBe(200);
  for (const [what, body] of [
    ['close', { reason: 'again' }],
    ['acknowledge', {}],
  ] as const) {
    const answer = await owner.ask('POST', `/alarms/${id}/${what}`, body);
    expect([answer.status, answer.body.code]).toEqual([409, 'alarm.closed']);
  }
  const nobody = await owner.ask('POST', `/alarms/${systemRandom.uuid()}/acknowledge`, {});
  expect([nobody.status, nobody.body.code]).toEqual([404, 'alarm.unknown']);
});

test('XC-02 the oldest of more alarms than one page holds is seen as well', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 7; n += 1) {
    ids.push(await newAlarm(cloud, 'warning'));
    if (n % 3 === 0) clock.advance(1);
  }
  const seen: string[] = [];
  let query = '?state=open&limit=3';
  for (;;) {
    const { status, body } = await support.ask('GET', `/alarms${query}`);
    expect(status).toBe(200);
    seen.push(...body.alarms.map((alarm: { alarm_id: string }) => alarm.alarm_id));
    if ((body.next_cursor ?? null) === null) break;
    query = `?state=open&limit=3&cursor=${body.next_cursor}`;
  }
  expect(seen).toHaveLength(7);
  expect(new Set(seen)).toEqual(new Set(ids));
});
