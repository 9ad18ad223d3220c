import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sha256Hex } from '../canonical-json.ts';
import { DocumentFleet, schedule } from '../testing/document-fleet.ts';
import { createTestClock } from '../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';

const clock = createTestClock();
let cloud: TestCloud;
let fleet: DocumentFleet;
let runs = 0;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());
afterEach(() => fleet?.close());

const SOAK_MS = 12_000;

async function openFleet(count: number, inForce?: object | null): Promise<DocumentFleet> {
  runs += 1;
  fleet = await DocumentFleet.open(cloud, clock, {
    name: `fleet${runs}`,
    count,
    ...(inForce !== undefined && { inForce }),
  });
  return fleet;
}

/** A roll-out to the whole fleet, the first two sites first. */
const wish = (change: object = {}) => ({
  request_id: `rollout-${runs}`,
  document_kind: 'tariffs',
  text: JSON.stringify(schedule('new')),
  sites: fleet.members.map(({ siteId }) => ({ site_id: siteId })),
  waves: [{ sites: 2 }, { percent: 50 }, { percent: 100 }],
  soak_s: SOAK_MS / 1000,
  answer_within_s: 60,
  away_after_s: 30,
  halt_at_failures: 1,
  reason: 'prices of the winter',
  requested_by: 'Li Na',
  ...change,
});
const begin = async (change: object = {}) => {
  const { status, body } = await fleet.staff('POST', '/rollouts', wish(change));
  expect([status, body.code], JSON.stringify(body)).toEqual([202, undefined]);
  await fleet.sweep();
  return body.rollout_id as string;
};
const look = async (rolloutId: string) => (await fleet.staff('GET', `/rollouts/${rolloutId}`)).body;
const states = async (rolloutId: string): Promise<string> =>
  (await look(rolloutId)).sites.map((site: { state: string }) => site.state).join(' ');
const steps = async (rolloutId: string) => (await fleet.staff('GET', `/rollouts/${rolloutId}/steps`)).body.steps;
const control = (rolloutId: string, action: string, change: object = {}) =>
  fleet.staff('POST', `/rollouts/${rolloutId}/${action}`, { requested_by: 'Wang Wei', reason: 'lunch', ...change });

/** What a start from here would be priced by. */
const pricesAt = async (i: number): Promise<string[]> => {
  const rows = await cloud.context.db
    .selectFrom('site_tariffs')
    .select('tariff_id')
    .where('site_id', '=', fleet.siteId(i))
    .where('replaced_at_ms', 'is', null)
    .execute();
  return rows.map((row) => row.tariff_id);
};

test('SY-07 a good document reaches the fleet wave by wave, each after the one before was well for the soak time', async () => {
  await openFleet(4);
  const rolloutId = await begin({ waves: [{ sites: 1 }, { percent: 100 }] });
  expect(await states(rolloutId)).toBe('sent queued queued queued');
  const push = await fleet.answer(0, 'active');
  expect([push.version, JSON.parse(push.text)]).toEqual([2, schedule('new', 2)]);
  await fleet.pass(100);
  await fleet.pass(SOAK_MS - 1000);
  expect(await states(rolloutId)).toBe('soaking queued queued queued');
  await fleet.pass(1000);
  await fleet.sweep();
  await fleet.sweep();
  expect(await states(rolloutId)).toBe('good sent sent sent');
  for (const i of [1, 2, 3]) await fleet.answer(i, 'active');
  await fleet.pass(100);
  await fleet.pass(SOAK_MS);
  expect(await look(rolloutId)).toMatchObject({
    state: 'completed',
    wave: 2,
    site_counts: { good: 4 },
    finished_at: expect.any(String),
  });
  const [first, ...others] = await steps(rolloutId);
  expect(first).toMatchObject({ by: 'Li Na', step: 'created', detail: '4 sites in 2 waves: prices of the winter' });
  expect(others.filter((step: { site_id: string | null }) => step.site_id === fleet.siteId(3))).toMatchObject([
    { by: 'platform', step: 'sent' },
    { step: 'soaking' },
    { step: 'good' },
  ]);
  expect([0, 1, 2, 3].map(fleet.heard)).toEqual([2, 2, 2, 2]);
});

test('SY-07 XC-04 a bad document for ten sites halts in the first wave and is taken back there; the others never hear of it', async () => {
  await openFleet(10);
  const rolloutId = await begin();
  expect(await states(rolloutId)).toBe(`sent sent${' queued'.repeat(8)}`);
  await fleet.answer(0, 'active');
  await fleet.pass(100);
  await fleet.answer(1, 'refused', 'the site has no connector "x"');
  await fleet.sweep();
  expect(await look(rolloutId)).toMatchObject({ state: 'halted', is_rolling_back: true, finished_at: null });
  await fleet.sweep();
  expect(await states(rolloutId)).toBe(`reverting failed${' queued'.repeat(8)}`);
  const back = await fleet.answer(0, 'active');
  expect([back.version, JSON.parse(back.text)]).toEqual([3, schedule('before', 3)]);
  await fleet.pass(100);
  await fleet.pass(600_000);
  expect(await look(rolloutId)).toMatchObject({
    state: 'halted',
    finished_at: expect.any(String),
    site_counts: { reverted: 1, failed: 1, queued: 8 },
  });
  expect(fleet.members.map((_, i) => fleet.heard(i))).toEqual([3, 2, ...new Array(8).fill(1)]);
  const prices = await Promise.all(fleet.members.map((_, i) => pricesAt(i)));
  expect(prices, 'a start from here is priced as before, where it was refused as well').toEqual(
    new Array(10).fill(['fleet-before']),
  );
  const { alarms } = (await fleet.staff('GET', '/alarms')).body;
  expect(alarms[0]).toMatchObject({
    code: 'rollout.halted',
    about: `rollout/${rolloutId}`,
    detail: expect.stringContaining(`${fleet.siteId(1)} (refused)`),
  });
  expect((await steps(rolloutId)).map(({ step }: { step: string }) => step)).toEqual(
    expect.arrayContaining(['created', 'halt', 'failed', 'reverting', 'reverted', 'finished']),
  );
  expect((await control(rolloutId, 'resume')).body.code).toBe('rollout.state');
});

describe('SY-07 what halts it while a site is watched', () => {
  test('a critical alarm does; another one does not, nor one from before that comes late, nor what somebody does under its name', async () => {
    await openFleet(2);
    const rolloutId = await begin({ waves: [{ sites: 1 }, { sites: 1 }] });
    await fleet.answer(0, 'active');
    await fleet.pass(100);
    await fleet.raiseAlarm(0, 'warning');
    await fleet.raiseAlarm(1, 'critical');
    await fleet.raiseAlarm(0, 'critical', 3_600_000);
    await fleet.intrude(0);
    await fleet.pass(100);
    expect(await states(rolloutId)).toBe('soaking queued');
    await fleet.raiseAlarm(0, 'critical');
    await fleet.pass(100);
    await fleet.sweep();
    expect(await states(rolloutId)).toBe('reverting queued');
  });

  test('a link that stays away does; one that comes back is watched anew', async () => {
    await openFleet(2);
    const rolloutId = await begin({ waves: [{ sites: 1 }, { sites: 1 }] });
    await fleet.answer(0, 'active');
    await fleet.pass(100);
    await fleet.pass(SOAK_MS - 1000);
    await fleet.goAway(0);
    await fleet.pass(500, [0]);
    await fleet.comeBack(0);
    await fleet.pass(500);
    await fleet.pass(SOAK_MS - 1000);
    expect(await states(rolloutId)).toBe('soaking queued');
    await fleet.goAway(0);
    await fleet.pass(100, [0]);
    await fleet.pass(60_000, [0]);
    await fleet.sweep();
    expect([await states(rolloutId), (await look(rolloutId)).state]).toEqual(['reverting queued', 'halted']);
    await fleet.comeBack(0);
    expect((await fleet.answer(0, 'active')).version).toBe(3);
    await fleet.sweep();
    expect(await states(rolloutId)).toBe('reverted queued');
  });

  test('a roll-back by hand on site does, also after the site was good', async () => {
    await openFleet(3);
    const rolloutId = await begin({ waves: [{ sites: 1 }, { sites: 2 }] });
    const push = await fleet.answer(0, 'active');
    await fleet.pass(100);
    await fleet.pass(SOAK_MS);
    await fleet.sweep();
    expect(await states(rolloutId)).toBe('good sent sent');
    await fleet.report(0, push, 'rolled-back', 'taken back by hand');
    await fleet.sweep();
    await fleet.sweep();
    expect(await states(rolloutId)).toBe('failed reverting reverting');
  });
});

test('SY-07 one site that cannot be sent back keeps neither the others nor another roll-out', async () => {
  await openFleet(3);
  const rolloutId = await begin({ waves: [{ sites: 3 }] });
  // What was good when it was put is not now.
  const gone = schedule('before');
  await cloud.context.db
    .updateTable('site_documents')
    .set({ text: JSON.stringify({ ...gone, tariffs: [{ ...gone.tariffs[0], connectorIds: ['gone'] }] }) })
    .where('site_id', '=', fleet.siteId(0))
    .where('version', '=', 1)
    .execute();
  for (const i of [0, 1]) await fleet.answer(i, 'active');
  await fleet.answer(2, 'refused');
  await fleet.sweep();
  await fleet.sweep();
  expect(await states(rolloutId)).toBe('stuck reverting failed');
  expect((await look(rolloutId)).sites[0].detail).toContain('gone');
});

test('SY-07 a site that is away holds the others up for a while only, gets it when it is back, and else is named as missed', async () => {
  await openFleet(4);
  await fleet.goAway(0);
  await fleet.goAway(3);
  const rolloutId = await begin({ waves: [{ sites: 2 }, { percent: 100 }] });
  await fleet.answer(1, 'active');
  await fleet.pass(100, [0, 3]);
  await fleet.pass(SOAK_MS, [0, 3]);
  expect(await states(rolloutId)).toBe('queued good queued queued');
  await fleet.pass(18_000, [0, 3]);
  await fleet.sweep();
  expect(await states(rolloutId)).toBe('queued good sent queued');
  await fleet.comeBack(0);
  await fleet.pass(100, [3]);
  await fleet.answer(0, 'active');
  await fleet.answer(2, 'active');
  await fleet.pass(100, [3]);
  await fleet.pass(SOAK_MS, [3]);
  await fleet.pass(18_000, [3]);
  expect([await states(rolloutId), (await look(rolloutId)).state]).toEqual(['good good good missed', 'completed']);
  await fleet.comeBack(3);
  await fleet.pass(100);
  expect(fleet.heard(3)).toBe(0);
});

test('SY-07 who is too old, who had it, and where somebody else has put another version since', async () => {
  await openFleet(4);
  await fleet.goAway(0);
  await fleet.comeBack(0, { isOld: true });
  const same = { site_id: fleet.siteId(1), text: JSON.stringify(schedule('before')) };
  const sites = fleet.members.map(({ siteId }, i) => (i === 1 ? same : { site_id: siteId }));
  const rolloutId = await begin({ sites, waves: [{ percent: 100 }] });
  await fleet.sweep();
  expect(await states(rolloutId)).toBe('unable had sent sent');
  await fleet.answer(2, 'active');
  await fleet.staff('POST', `/sites/${fleet.siteId(3)}/documents`, {
    document_kind: 'tariffs',
    text: JSON.stringify(schedule('other', 7)),
    requested_by: 'Zhao Lei',
  });
  await fleet.pass(100);
  await fleet.pass(SOAK_MS);
  expect([await states(rolloutId), (await look(rolloutId)).state]).toEqual(['unable had good left', 'completed']);
});

describe('SY-07 staff', () => {
  test('pause and resume: nothing new is sent meanwhile', async () => {
    await openFleet(2);
    const rolloutId = await begin({ waves: [{ sites: 1 }, { sites: 1 }] });
    await fleet.answer(0, 'active');
    await fleet.pass(100);
    expect((await control(rolloutId, 'pause')).body.state).toBe('paused');
    await fleet.pass(SOAK_MS);
    await fleet.pass(600_000);
    expect(await states(rolloutId)).toBe('good queued');
    expect((await control(rolloutId, 'resume')).body.state).toBe('running');
    await fleet.sweep();
    await fleet.sweep();
    expect(await states(rolloutId)).toBe('good sent');
    expect((await steps(rolloutId)).filter(({ by }: { by: string }) => by === 'Wang Wei')).toMatchObject([
      { step: 'pause', detail: 'lunch' },
      { step: 'resume', detail: 'lunch' },
    ]);
  });

  test('abort it, and have everybody go back; what was not answered is not sent again', async () => {
    await openFleet(3);
    const rolloutId = await begin({ waves: [{ sites: 2 }, { sites: 1 }] });
    await fleet.answer(0, 'active');
    const unanswered = await fleet.member(1).edge.take('document');
    expect((await control(rolloutId, 'abort', { roll_back: true })).body).toMatchObject({ state: 'aborted' });
    await fleet.sweep();
    expect(await states(rolloutId)).toBe('reverting reverting queued');
    expect([(await fleet.answer(0, 'active')).version, (await fleet.answer(1, 'active')).version]).toEqual([3, 3]);
    await fleet.sweep();
    await fleet.sweep();
    expect([await states(rolloutId), unanswered.version]).toEqual(['reverted reverted queued', 2]);
    expect((await look(rolloutId)).finished_at).not.toBeNull();
    expect((await control(rolloutId, 'abort', { roll_back: true })).body.code).toBe('rollout.state');
  });

  test('abort it, and leave it where it is', async () => {
    await openFleet(2);
    const rolloutId = await begin({ waves: [{ sites: 1 }, { sites: 1 }] });
    await fleet.member(0).edge.take('document');
    await control(rolloutId, 'abort', { roll_back: false });
    await fleet.pass(600_000);
    expect(await look(rolloutId)).toMatchObject({ state: 'aborted', finished_at: expect.any(String) });
    const { next_send_at_ms: nextSendAtMs } = await cloud.context.db
      .selectFrom('site_documents')
      .select('next_send_at_ms')
      .where('site_id', '=', fleet.siteId(0))
      .where('version', '=', 2)
      .executeTakeFirstOrThrow();
    expect([nextSendAtMs, fleet.heard(1)]).toEqual([null, 1]);
  });

  test('begin another one where one is under way only when that one is over', async () => {
    await openFleet(2);
    const rolloutId = await begin({ waves: [{ sites: 1 }, { sites: 1 }] });
    const again = await fleet.staff('POST', '/rollouts', wish({ waves: [{ sites: 1 }, { sites: 1 }] }));
    expect([again.status, again.body.rollout_id], 'the same request').toEqual([202, rolloutId]);
    const other = wish({ request_id: `other-${runs}`, waves: [{ percent: 100 }] });
    expect((await fleet.staff('POST', '/rollouts', other)).body.code).toBe('rollout.site_busy');
    expect((await fleet.staff('POST', '/rollouts', wish({ reason: 'y' }))).body.code).toBe('request_id.reused');
    await control(rolloutId, 'abort', { roll_back: false });
    await fleet.sweep();
    expect((await fleet.staff('POST', '/rollouts', other)).status).toBe(202);
  });
});

test('SY-07 sweeps of several processes at once send to each site once', async () => {
  await openFleet(3);
  const { status } = await fleet.staff('POST', '/rollouts', wish({ waves: [{ percent: 100 }] }));
  await Promise.all(Array.from({ length: 6 }, () => fleet.sweep()));
  for (const i of [0, 1, 2]) await fleet.member(i).edge.take('document');
  const rows = await cloud.context.db
    .selectFrom('site_documents')
    .select(['site_id', 'version'])
    .where('site_id', 'in', [0, 1, 2].map(fleet.siteId))
    .orderBy('site_id')
    .orderBy('version')
    .execute();
  expect([status, rows.map(({ version }) => version)]).toEqual([202, [1, 2, 1, 2, 1, 2]]);
});

describe('XC-08 SY-07 what cannot go out is refused as a whole', () => {
  const refused = async (change: object) => {
    const { status, body } = await fleet.staff('POST', '/rollouts', wish(change));
    const { rollouts } = (await fleet.staff('GET', '/rollouts')).body;
    expect(rollouts.filter(({ request_id }: { request_id: string }) => request_id === `rollout-${runs}`)).toEqual([]);
    return [status, body.code, ...(body.errors ?? []).map(({ pointer }: { pointer: string }) => pointer)].join(' ');
  };

  test('with the place of what is wrong', async () => {
    await openFleet(2);
    const [first, second] = fleet.members.map(({ siteId }) => ({ site_id: siteId }));
    const text = JSON.stringify(schedule('new'));
    const waves = [{ percent: 100 }];
    const absurd = JSON.stringify({ ...schedule('x'), bounds: { leastPriceE4: 1, mostPriceE4: 2 } });
    expect(await refused({ waves: [{ sites: 1 }] })).toBe('400 request.invalid #/waves');
    expect(await refused({ waves: [{ sites: 5 }] })).toBe('400 request.invalid #/waves/0');
    expect(await refused({ waves, sites: [first, { ...second, text: absurd }] })).toContain('#/sites/1/text/tariffs/0');
    expect(await refused({ waves, sites: [first, first] })).toContain('400 request.invalid');
    expect(await refused({ waves, sites: [first, { site_id: 'nowhere' }] })).toBe('404 station.unknown');
    expect(await refused({ waves, text: undefined, sites: [{ ...first, text }, second] })).toContain('#/sites/1');
    expect(await refused({ document_kind: 'profile' })).toBe('400 request.invalid #/document_kind');
    expect(await refused({ halt_at_failures: 0 })).toBe('400 request.invalid #/halt_at_failures');
    expect(await refused({ waves, sites: [first, { ...second, values: { price: 1 } }] })).toContain(
      '#/sites/1/values/price',
    );
  });

  test('where a site could not be sent back, unless staff allow it; it is named as stuck then', async () => {
    await openFleet(1, null);
    expect(await refused({ waves: [{ sites: 1 }] })).toBe('409 rollout.no_way_back');
    const rolloutId = await begin({ waves: [{ sites: 1 }], allow_without_way_back: true });
    await fleet.answer(0, 'active');
    await fleet.raiseAlarm(0, 'critical');
    for (let i = 0; i < 3; i++) await fleet.sweep();
    const { state, sites } = await look(rolloutId);
    expect([state, sites[0].state, sites[0].detail]).toEqual([
      'halted',
      'stuck',
      expect.stringContaining('pilectl documents rollback tariffs'),
    ]);
  });

  test('what was made on site can be gone back to once staff have put the same here', async () => {
    await openFleet(1, null);
    const made = JSON.stringify(schedule('made', 4));
    const named = { documentKind: 'tariffs', version: 4, digest: sha256Hex(made) } as const;
    await fleet.report(0, named, 'active');
    const put = { document_kind: 'tariffs', text: made, requested_by: 'Li Na' };
    expect((await fleet.staff('POST', `/sites/${fleet.siteId(0)}/documents`, put)).body).toMatchObject({
      version: 4,
      status: 'active',
    });
    const rolloutId = await begin({ waves: [{ sites: 1 }] });
    expect(await states(rolloutId)).toBe('sent');
    expect((await fleet.member(0).edge.take('document')).version).toBe(5);
  });
});

test('SY-07 one text with places for what differs: each site gets its own', async () => {
  await openFleet(2);
  const text = JSON.stringify(schedule('new')).replace('"fleet-new"', '"{{tariff}}"').replace('30000', '{{most}}');
  const sites = fleet.members.map(({ siteId }, i) => ({
    site_id: siteId,
    values: { tariff: `values-${i}`, most: 20_000 + i },
  }));
  await begin({ text, sites, waves: [{ percent: 100 }] });
  for (const i of [0, 1]) {
    const { tariffs, bounds } = JSON.parse((await fleet.member(i).edge.take('document')).text);
    expect([tariffs[0].tariff.tariffId, bounds.mostPriceE4]).toEqual([`values-${i}`, 20_000 + i]);
  }
});
