import { expect, test } from 'vitest';
import { systemRandom } from '../random.ts';
import type { ChargingSite } from '../testing/charging-site.ts';
import { onChargingSites } from '../testing/on-charging-sites.ts';
import { StaffPerson } from '../testing/staff-person.ts';
import { createTestClock } from '../testing/test-clock.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import { testConfig } from '../testing/test-config.ts';

const clock = createTestClock();
let cloud: TestCloud;
let site: ChargingSite;

onChargingSites(
  'gaps',
  clock,
  (onCloud, onSite) => {
    cloud = onCloud;
    site = onSite;
  },
  // Sites are made by the token also when people have accounts.
  { staff: { ...testConfig.staff, tokenUse: 'machines' } },
);

const alarm = (seq: number) => ({
  seq,
  at: site.edge.stamp(),
  body: {
    kind: 'alarm.raised',
    alarmId: systemRandom.uuid(),
    code: 'over-temperature',
    severity: 'warning',
    pileId: null,
    connectorId: null,
    sessionId: null,
    detail: `${seq}`,
  },
});

/** A hello of a site that was told that its events up to `ackedSeq` are safe. */
const told = (headSeq: number, ackedSeq: number, change: object = {}) =>
  site.edge.hello({ streams: [{ stream: 'events', headSeq, ackedSeq }], toldAgain: null, ...change });
const alarms = async () =>
  (
    await cloud.context.db
      .selectFrom('alarms')
      .select(['code', 'detail'])
      .where('site_id', '=', site.stage.siteId)
      .where('code', '=', 'records-missing')
      .execute()
  ).map(({ detail }) => detail);
const storedSeqs = async () =>
  (
    await cloud.context.db
      .selectFrom('site_records')
      .select('seq')
      .where('site_id', '=', site.stage.siteId)
      .orderBy('seq')
      .execute()
  ).map(({ seq }) => seq);

test('SY-01 SY-05 a cloud that was put back from a backup shows what is missing, asks for what the site still has, and goes on', async () => {
  await site.edge.batch([alarm(1), alarm(2)]);
  const welcome = await told(12, 10);
  expect(welcome).toMatchObject({
    cursors: [{ stream: 'events', ackedSeq: 10 }],
    tellAgain: { firstSeq: 3, lastSeq: 10 },
  });
  expect(await alarms()).toEqual([
    `Records 3 to 10 of events (epoch ${site.edge.storeEpoch}) had been acknowledged, and are not here.`,
  ]);
  expect(await site.edge.batch([alarm(11), alarm(12)])).toMatchObject({ ackedSeq: 12, refused: [] });
  expect(await storedSeqs()).toEqual([1, 2, 11, 12]);
  // Asked until the site says that it has done it; the gap is one all the same.
  expect((await told(12, 12)).tellAgain).toEqual(welcome.tellAgain);
  expect((await told(14, 12, { toldAgain: welcome.tellAgain?.gapId })).tellAgain).toBeUndefined();
  expect(await alarms()).toHaveLength(1);
});

test('SY-01 a second loss is another gap, and is asked for anew', async () => {
  const first = (await told(5, 5)).tellAgain;
  clock.advance(1_000);
  await cloud.context.db
    .updateTable('cursors')
    .set({ acked_seq: 2 })
    .where('site_id', '=', site.stage.siteId)
    .execute();
  const second = (await told(7, 6, { toldAgain: first?.gapId })).tellAgain;
  expect(second).toMatchObject({ firstSeq: 3, lastSeq: 6 });
  expect(second?.gapId).not.toBe(first?.gapId);
  expect(await alarms()).toHaveLength(2);
});

test.each([
  ['as far as is known here', 2, 2],
  ['less far', 2, 1],
  ['further than it has records itself', 3, 9],
])('SY-01 a site that was acknowledged %s makes no gap', async (_, headSeq, ackedSeq) => {
  await site.edge.batch([alarm(1), alarm(2)]);
  const welcome = await told(headSeq, ackedSeq);
  expect(welcome.cursors).toEqual([{ stream: 'events', ackedSeq: 2 }]);
  expect([welcome.tellAgain, await alarms()]).toEqual([undefined, []]);
});

test('SY-01 an older site is not asked; its samples go on behind their gap as well', async () => {
  const storeEpoch = systemRandom.uuid();
  const otherStreams = [{ stream: 'samples', storeEpoch, headSeq: 70, ackedSeq: 60 }];
  const welcome = await told(5, 5, { toldAgain: undefined, otherStreams });
  expect(welcome.tellAgain).toBeUndefined();
  expect([welcome.cursors, welcome.otherCursors]).toEqual([
    [{ stream: 'events', ackedSeq: 5 }],
    [{ stream: 'samples', storeEpoch, ackedSeq: 60 }],
  ]);
  expect((await alarms()).sort()).toMatchObject([/events/, /samples/].map((stream) => expect.stringMatching(stream)));
  const newer = await told(5, 5, { otherStreams: [{ stream: 'samples', storeEpoch, headSeq: 90, ackedSeq: 80 }] });
  expect(newer.otherCursors).toEqual([{ stream: 'samples', storeEpoch, ackedSeq: 60 }]);
  expect(await alarms()).toHaveLength(2);
});

test('SY-05 CH-03 a charge that the site does not name is not lost while its end may still be told again', async () => {
  const { order_id: orderId } = (await site.start()).body;
  const { sessionId } = await site.begin(await site.takeStart());
  const state = async () => (await site.order(orderId)).state;
  const gap = (await told(9, 9, { runningSessions: [] })).tellAgain;
  expect(await state()).toBe('charging');
  await told(9, 9, { runningSessions: [] });
  expect(await state()).toBe('charging');
  await site.edge.batch([{ seq: 10, at: site.edge.stamp(), body: site.ended(sessionId, orderId) }]);
  expect(await state()).toBe('completed');
  await told(10, 10, { runningSessions: [], toldAgain: gap?.gapId });
  expect(await state()).toBe('completed');
});

test('SY-05 CH-03 what is not told again either is lost', async () => {
  const { order_id: orderId } = (await site.start()).body;
  await site.begin(await site.takeStart());
  const gap = (await told(9, 9, { runningSessions: [] })).tellAgain;
  await told(9, 9, { runningSessions: [], toldAgain: gap?.gapId });
  expect((await site.order(orderId)).state).toBe('abnormal');
});

test('SY-01 staff read what is missing, the newest first, if their role reads what needs a person', async () => {
  await told(5, 5);
  clock.advance(1_000);
  const foundAt = new Date(clock.wallMs()).toISOString();
  await told(9, 9);
  const owner = await StaffPerson.firstOwner(cloud, clock, 'li-na');
  for (const role of ['operations', 'support', 'technician', 'auditor', 'legal'] as const) {
    const person = await owner.invite(`a-${role}`, role);
    const { status, body } = await person.ask('GET', `/record-gaps?site_id=${site.stage.siteId}`);
    if (role === 'legal') expect([status, body.code]).toEqual([403, 'staff.forbidden']);
    else
      expect([role, body.record_gaps]).toEqual([
        role,
        [
          {
            gap_id: expect.any(String),
            site_id: site.stage.siteId,
            store_epoch: site.edge.storeEpoch,
            stream: 'events',
            first_seq: 6,
            last_seq: 9,
            found_at: foundAt,
          },
          expect.objectContaining({ first_seq: 1, last_seq: 5 }),
        ],
      ]);
  }
  expect((await owner.ask('GET', '/record-gaps?site_id=another')).body).toEqual({ record_gaps: [] });
  expect((await owner.ask('GET', '/record-gaps?limit=1')).body.record_gaps).toMatchObject([{ last_seq: 9 }]);
});
