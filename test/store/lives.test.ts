import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { RecordBody } from '#shared/wire/records.ts';
import { type Stage, setTheStage, staffPost } from '../../cloud/testing/fixtures.ts';
import { createTestClock } from '../../cloud/testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { untilGone } from '../../cloud/testing/until-gone.ts';
import type { Ledger } from '../../edge/ledger/ledger.ts';
import { alarm, at, openRescued, openStorage, tempFolder } from '../../edge/ledger/testing.ts';
import { FaultProxy } from '../sync/fault-proxy.ts';
import { type Box, openBox } from '../sync/site-box.ts';

/** Replaced, restored and copied stores: the edge's real ledger and link, a real broker, the cloud's real ingest. */

const clock = createTestClock();
let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());

const SILENCE_MS = 61_000;
const poll = (read: () => unknown) => expect.poll(read, { interval: 20 });
const newAlarm = (detail: string): RecordBody => ({ ...alarm(1, detail), alarmId: crypto.randomUUID() });
const write = (ledger: Ledger, ...details: string[]) => {
  for (const detail of details) ledger.commit({ session: null, records: [newAlarm(detail)] }, at);
};

function connect(stage: Stage, ledger: Ledger, url = cloud.brokerUrl): Box {
  const box = openBox(stage, url, ledger);
  onTestFinished(() => box.link.close());
  return box;
}
const hasToldAll = (ledger: Ledger) => poll(() => ledger.backlog()).toBe(0);

/** The heartbeat, as the runtime sends it: `box` is alive, and time goes on. */
function show(box: Box, ms: number): void {
  clock.advance(ms);
  box.link.showView([]);
}
/** The same, of the box that is heard. Were it taken in when time has gone on once more, the box would be alive then. */
async function beat(stage: Stage, box: Box, ms: number): Promise<void> {
  show(box, ms);
  const heard = cloud.context.db.selectFrom('site_links').select('heard_at_ms').where('site_id', '=', stage.siteId);
  await poll(async () => (await heard.executeTakeFirst())?.heard_at_ms).toBe(clock.wallMs());
}

const alarmsOf = async ({ siteId }: Stage) =>
  await cloud.context.db
    .selectFrom('alarms')
    .select(['code', 'source', 'detail'])
    .where('site_id', '=', siteId)
    .execute();
const codesOf = async (stage: Stage, source: 'site' | 'platform') =>
  (await alarmsOf(stage)).filter((one) => one.source === source).map(({ code }) => code);
const detailsOf = async (stage: Stage) =>
  (await alarmsOf(stage))
    .filter(({ code }) => code === 'pile-fault')
    .map(({ detail }) => detail)
    .sort();
const livesOf = async ({ siteId }: Stage) => {
  const headers = { authorization: `Bearer ${cloud.staffToken}` };
  return (await cloud.app.inject({ url: `/staff/v1/sites/${siteId}/lives`, headers })).json();
};

const lettersOf = ({ siteId }: Stage) =>
  cloud.context.db.selectFrom('dead_letters').select(['seq', 'code']).where('site_id', '=', siteId).execute();

/** A store that has told three records, and a copy of it that was made before (or after) it was welcomed at all. */
async function copied(stage: Stage, isCopiedEarly: boolean) {
  const folder = tempFolder();
  const one = openStorage(folder);
  onTestFinished(() => one.storage.close());
  const copy = join(tempFolder(), 'ledger.db');
  write(one.storage.ledger, 'before 1', 'before 2', 'before 3');
  if (isCopiedEarly) await one.storage.backUp(copy);
  const box = connect(stage, one.storage.ledger);
  await hasToldAll(one.storage.ledger);
  // A heartbeat tells that the welcome is on disk.
  await beat(stage, box, 1000);
  if (!isCopiedEarly) await one.storage.backUp(copy);
  const openCopy = () => openRescued(copy).ledger;
  return { one: one.storage.ledger, box, openCopy };
}

test('SY-03.a a site with a new store is heard when the former one has fallen silent; both sides say so, and what was told stays', async () => {
  const stage = await setTheStage(cloud, { name: 'replaced' });
  const first = openRescued().ledger;
  write(first, 'old 1', 'old 2');
  const box = connect(stage, first);
  await hasToldAll(first);
  await box.link.close();
  await untilGone(cloud.context.db, stage.siteId);
  const second = openRescued().ledger;
  write(second, 'new 1');
  const other = connect(stage, second);
  await poll(() => other.link.held).toBe('wait');
  expect(second.backlog()).toBe(1);
  clock.advance(SILENCE_MS);
  await hasToldAll(second);
  expect(other.link.held).toBeNull();
  expect(await detailsOf(stage)).toEqual(['new 1', 'old 1', 'old 2']);
  expect(await codesOf(stage, 'platform')).toEqual(['store-replaced']);
  const { lives, is_contested: isContested } = await livesOf(stage);
  expect(lives.map((one: { status: string; store_epoch: string }) => [one.status, one.store_epoch])).toEqual([
    ['holder', second.storeEpoch],
    ['former', first.storeEpoch],
  ]);
  expect(isContested).toBe(false);
});

test.each([true, false])(
  'SY-03.b a store that was put back from a copy (made before its first welcome: %s) goes on under a new epoch; nothing is lost or overwritten',
  async (isCopiedEarly) => {
    const stage = await setTheStage(cloud, { name: `restored-${isCopiedEarly}` });
    const { one, box, openCopy } = await copied(stage, isCopiedEarly);
    write(one, ...Array.from({ length: 5 }, (_, i) => `after ${i}`));
    box.link.poke();
    await hasToldAll(one);
    await box.link.close();
    await untilGone(cloud.context.db, stage.siteId);
    clock.advance(SILENCE_MS);

    const restored = openCopy();
    expect(restored.storeEpoch).toBe(one.storeEpoch);
    write(restored, 'restored 1', 'restored 2');
    connect(stage, restored);
    await poll(() => restored.storeEpoch).not.toBe(one.storeEpoch);
    await hasToldAll(restored);
    expect(await detailsOf(stage)).toEqual([
      ...[0, 1, 2, 3, 4].map((i) => `after ${i}`),
      ...[1, 2, 3].map((i) => `before ${i}`),
      'restored 1',
      'restored 2',
    ]);
    expect(await codesOf(stage, 'site')).toContain('store-copied');
    expect(await codesOf(stage, 'platform')).toEqual([]);
    expect(await lettersOf(stage)).toEqual([]);
  },
);

test('SY-03.b a copy that has worked on without the cloud, beyond what the cloud knows, loses nothing of it', async () => {
  const stage = await setTheStage(cloud, { name: 'worked-on' });
  const { one, box, openCopy } = await copied(stage, false);
  write(one, 'one 4', 'one 5');
  box.link.poke();
  await hasToldAll(one);
  await box.link.close();
  await untilGone(cloud.context.db, stage.siteId);
  clock.advance(SILENCE_MS);

  const restored = openCopy();
  const other = Array.from({ length: 250 }, (_, i) => `other ${i}`);
  write(restored, ...other);
  connect(stage, restored);
  await poll(() => restored.storeEpoch).not.toBe(one.storeEpoch);
  await hasToldAll(restored);
  const all = ['before 1', 'before 2', 'before 3', 'one 4', 'one 5', ...other].sort();
  expect(await detailsOf(stage)).toEqual(all);
  // What came under the numbers of other records is shown to a person as well.
  expect((await lettersOf(stage)).map(({ code }) => code)).toEqual(['wire.conflict', 'wire.conflict']);
  expect(await codesOf(stage, 'site')).toContain('store-copied');
});

let requests = 0;
async function disable(stage: Stage): Promise<string> {
  requests += 1;
  const wish = { connector_id: stage.connectorIds[0], action: 'disable', requested_by: 'Li Na', expires_in_s: 86_400 };
  const body = { request_id: `lives-${requests}`, ...wish };
  return (await staffPost(cloud.app, cloud.staffToken, '/staff/v1/maintenance', body)).command_id;
}
const has = (box: Box, commandId: string) => box.commands.some((command) => command.commandId === commandId);
const choose = (stage: Stage, lifeId: string) =>
  staffPost(cloud.app, cloud.staffToken, `/staff/v1/sites/${stage.siteId}/lives/${lifeId}/choose`, {
    chosen_by: 'Li Na',
  });
const lifeOf = async (stage: Stage, status: string) =>
  (await livesOf(stage)).lives.find((life: { status: string }) => life.status === status)?.life_id;

test('SY-03.c of two boxes with one store, both on the line, one is heard: the other is found out, sends nothing, and obeys nothing until a person has chosen it', {
  timeout: 60_000,
}, async () => {
  const stage = await setTheStage(cloud, { name: 'cloned' });
  const { one, box: a, openCopy } = await copied(stage, false);
  const cloned = openCopy();
  write(cloned, 'clone 4', 'clone 5');
  const b = connect(stage, cloned);
  await poll(() => b.link.held).toBe('wait');
  await expect
    .poll(
      async () => {
        await beat(stage, a, 2000);
        return b.link.held;
      },
      { timeout: 15_000, interval: 20 },
    )
    .toBe('barred');
  expect([a.link.state, a.link.held, b.link.state]).toEqual(['open', null, 'greeting']);
  write(one, 'one 4');
  a.link.poke();
  await hasToldAll(one);
  const command = await disable(stage);
  await poll(() => has(a, command)).toBe(true);
  await beat(stage, a, 2000);
  expect(has(b, command)).toBe(false);
  expect(await detailsOf(stage)).toEqual(['before 1', 'before 2', 'before 3', 'one 4']);
  expect(await codesOf(stage, 'platform')).toEqual(['controller-cloned']);
  expect(await livesOf(stage)).toMatchObject({ is_contested: true, online: true });

  await choose(stage, await lifeOf(stage, 'barred'));
  await poll(() => b.link.state).toBe('open');
  await hasToldAll(cloned);
  expect(cloned.storeEpoch).not.toBe(one.storeEpoch);
  show(a, 1000);
  await poll(() => a.link.held).toBe('barred');
  write(one, 'one 5');
  const second = await disable(stage);
  await poll(() => has(b, second)).toBe(true);
  await beat(stage, b, 1000);
  expect([has(a, second), one.backlog()]).toEqual([false, expect.any(Number)]);
  expect(one.backlog()).toBeGreaterThan(0);
  expect(await detailsOf(stage)).toEqual(['before 1', 'before 2', 'before 3', 'clone 4', 'clone 5', 'one 4']);
  expect(await lettersOf(stage)).toEqual([]);
  // The other one is still alive: that is said anew.
  expect(await codesOf(stage, 'platform')).toEqual(['controller-cloned', 'controller-cloned']);
});

test('SY-03.c two boxes that come by turns are found out at the first return, and do not go on taking turns', {
  timeout: 60_000,
}, async () => {
  const stage = await setTheStage(cloud, { name: 'by-turns' });
  const way = await FaultProxy.before(cloud.brokerUrl);
  onTestFinished(() => way.close());
  const { one, box, openCopy } = await copied(stage, false);
  await box.link.close();
  const a = connect(stage, one, way.mqttUrl);
  await poll(() => a.link.state).toBe('open');
  await beat(stage, a, 1000);
  await way.set({ isCut: true });
  await untilGone(cloud.context.db, stage.siteId);
  clock.advance(SILENCE_MS);
  const cloned = openCopy();
  write(cloned, 'clone 4');
  const b = connect(stage, cloned);
  await hasToldAll(cloned);
  write(one, 'one 4');
  await way.set({});
  await poll(() => a.link.held).toBe('barred');
  expect(await codesOf(stage, 'platform')).toEqual(['controller-cloned']);
  const accepted = way.accepted;
  for (let i = 0; i < 20; i += 1) {
    await beat(stage, b, 1000);
    expect([b.link.state, a.link.state]).toEqual(['open', 'greeting']);
  }
  expect([way.accepted, one.backlog()]).toEqual([accepted, 1]);
  expect(await codesOf(stage, 'platform')).toEqual(['controller-cloned']);
});

test('SY-05 a box that is killed and comes back on the same store is heard at once', async () => {
  const stage = await setTheStage(cloud, { name: 'killed' });
  const { one, box } = await copied(stage, false);
  await box.link.close();
  write(one, 'after the kill');
  const next = connect(stage, one);
  await hasToldAll(one);
  expect(next.link.held).toBeNull();
  expect(await codesOf(stage, 'platform')).toEqual([]);
  expect((await livesOf(stage)).lives.map(({ status }: { status: string }) => status).sort()).toEqual([
    'former',
    'holder',
  ]);
});
