import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { RecordBody } from '#shared/wire/records.ts';
import { type Stage, setTheStage } from '../../cloud/testing/fixtures.ts';
import { createTestClock } from '../../cloud/testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { untilGone } from '../../cloud/testing/until-gone.ts';
import type { Ledger } from '../../edge/ledger/ledger.ts';
import { capOutbox } from '../../edge/ledger/outbox-cap.ts';
import { alarm, at, closingOf, open, openRescued, openStorage, tempFolder } from '../../edge/ledger/testing.ts';
import { Link } from '../../edge/link/link.ts';
import { quietLink } from '../../edge/link/testing.ts';

/** The edge's real ledger and link against the cloud's real ingest. */

const ALL = { records: 1000, bytes: 1e8 };
const clock = createTestClock();
let cloud: TestCloud;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());

const newAlarm = (detail: string): RecordBody => ({ ...alarm(1, detail), alarmId: crypto.randomUUID() });
const newAlarms = (count: number, detail: string): RecordBody[] =>
  Array.from({ length: count }, (_, i) => newAlarm(`${detail} ${i + 1}`));

/** Connects a ledger to the cloud until it has told everything. */
async function tellAll(stage: Stage, ledger: Ledger): Promise<void> {
  const { siteId, shard, brokerPassword } = stage;
  const link = new Link({
    ...quietLink(ledger),
    site: { siteId, shard, brokerUrl: cloud.brokerUrl, password: brokerPassword },
  });
  onTestFinished(() => link.close());
  await expect.poll(() => ledger.backlog(), { timeout: 20_000, interval: 20 }).toBe(0);
  await link.close();
  await untilGone(cloud.context.db, siteId);
}

const storedSeqs = async ({ siteId }: Stage, storeEpoch?: string) =>
  (
    await cloud.context.db
      .selectFrom('site_records')
      .select('seq')
      .where('site_id', '=', siteId)
      .$if(storeEpoch !== undefined, (query) => query.where('store_epoch', '=', storeEpoch ?? ''))
      .orderBy('seq')
      .execute()
  ).map(({ seq }) => seq);
const lettersOf = ({ siteId }: Stage) =>
  cloud.context.db
    .selectFrom('dead_letters')
    .select(['seq', 'code', 'payload'])
    .where('site_id', '=', siteId)
    .orderBy('seq')
    .execute();

const seqsBetween = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

test('SY-03.b SY-03.c what a copy of a store has written under numbers that the cloud knows is applied under an epoch of its own, and changes nothing of theirs', {
  timeout: 60_000,
}, async () => {
  const stage = await setTheStage(cloud, { name: 'copied' });
  const [folder, otherFolder] = [tempFolder(), tempFolder()];
  const one = openStorage(folder);
  one.commit({ session: null, records: newAlarms(3, 'before') });
  const copy = join(folder, 'copy.db');
  await one.storage.backUp(copy);
  one.commit({ session: null, records: newAlarms(7, 'one') });
  await tellAll(stage, one.storage.ledger);
  const { storeEpoch } = one.storage.ledger;
  one.storage.close();
  expect([await storedSeqs(stage), await lettersOf(stage)]).toEqual([seqsBetween(1, 10), []]);

  copyFileSync(copy, join(otherFolder, 'ledger.db'));
  const other = openRescued(join(otherFolder, 'ledger.db'));
  expect(other.ledger.storeEpoch).toBe(storeEpoch);
  const closing = closingOf(1);
  if (closing.session === null) throw new Error('no session');
  other.ledger.commit(open(closing.session.session), at);
  other.ledger.commit(closing, at);
  other.ledger.commit({ session: null, records: newAlarms(300, 'other') }, at);
  const written = other.ledger.nextBatch(ALL)?.records ?? [];
  clock.advance(61_000);
  await tellAll(stage, other.ledger);

  expect(written.map(({ body }) => body.kind)).toContain('session.ended');
  // Found out by its life, before any of it was compared with what the cloud has.
  expect((await lettersOf(stage)).map(({ code }) => code)).not.toContain('wire.conflict');
  expect(other.ledger.storeEpoch).not.toBe(storeEpoch);
  expect(await storedSeqs(stage, storeEpoch)).toEqual(seqsBetween(1, 10));
  expect(other.store.rows(`SELECT seq FROM dead_letters WHERE code = 'wire.conflict'`)).toEqual([]);
  const told = await cloud.context.db
    .selectFrom('site_records')
    .select(['seq', 'body', 'refused_code'])
    .where('store_epoch', '=', other.ledger.storeEpoch)
    .orderBy('seq')
    .execute();
  const bodies = written.map(({ body }) => JSON.stringify(body));
  expect(told.map(({ body }) => body)).toEqual(expect.arrayContaining(bodies));
  expect(told.filter(({ refused_code: code }) => code === 'wire.conflict')).toEqual([]);
  expect(told.map(({ seq }) => seq)).toEqual(seqsBetween(1, other.ledger.headSeq()));
});

test('SY-01 ED-11 alarms that gave way while the site was offline leave no hole, also when the cloud had some of them', {
  timeout: 60_000,
}, async () => {
  const stage = await setTheStage(cloud, { name: 'capped' });
  const { ledger, store } = openRescued();
  ledger.commit({ session: null, records: newAlarms(3, 'early') }, at);
  const early = ledger.nextBatch(ALL)?.records ?? [];
  await tellAll(stage, ledger);
  // As if the acknowledgement had been lost.
  for (const { seq, body } of early)
    store.run(
      `INSERT INTO outbox (seq, kind, at, body) VALUES (?, ?, ?, ?)`,
      seq,
      body.kind,
      JSON.stringify(at),
      JSON.stringify(body),
    );
  store.run(`UPDATE meta SET value = '0' WHERE key = 'acked_seq'`);
  ledger.commit({ session: null, records: newAlarms(997, 'late') }, at);
  for (let dropped = 1; dropped > 0; ) dropped = capOutbox(store, 10, at);
  expect(ledger.backlog()).toBe(11);
  await tellAll(stage, ledger);
  expect(await storedSeqs(stage)).toEqual([1, 2, 3, ...seqsBetween(990, 1000)]);
  expect(await lettersOf(stage)).toEqual([]);
});
