import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Stage, setTheStage } from '../../cloud/testing/fixtures.ts';
import { createTestClock } from '../../cloud/testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { alarms, at, openLedger, tempFolder } from '../../edge/ledger/testing.ts';
import { Link } from '../../edge/link/link.ts';
import { quietLink } from '../../edge/link/testing.ts';
import { samplesOf } from '../../edge/samples/samples-source.ts';
import { recorderRig } from '../../edge/samples/testing.ts';

/** Goal: every sample of a site is in the cloud once, or the cloud is told that it is lost. Real broker, all three stores. */

const DAY_MS = 86_400_000;
let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud({ clock: createTestClock(at.wallMs) });
});
afterAll(() => cloud?.stop());

/** The site's end: ledger, samples and link. */
function openSite(stage: Stage, { folder = tempFolder(), bytesPerS = 10_000_000, bootId = at.bootId } = {}) {
  const { ledger, database } = openLedger(join(folder, 'ledger.db'));
  const samples = recorderRig({ folder, bootId });
  const { siteId, shard, brokerPassword } = stage;
  const logged: string[] = [];
  const link = new Link({
    ...quietLink(ledger),
    site: { siteId, shard, brokerUrl: cloud.brokerUrl, password: brokerPassword },
    stamp: () => ({ ...at, ...samples.time }),
    otherStreams: [samplesOf(samples.recorder, bytesPerS)],
    log: pino({ level: 'info' }, { write: (line: string) => logged.push(line) }),
  });
  onTestFinished(() => link.close());
  /** One sample of each connector every ten seconds. */
  const take = (seconds: number) => {
    for (let s = 0; s < seconds; s += 10) {
      samples.recorder.take(
        stage.connectorIds.map((connectorId) => samples.sample({ connectorId })),
        'ample',
      );
      samples.pass(10_000);
      samples.recorder.tick('ample');
    }
  };
  const close = async () => {
    await link.close();
    samples.recorder.close();
    database.close();
  };
  return { ledger, link, samples, take, logged, close, folder };
}

interface Told {
  readonly samples: readonly { readonly seq: number; readonly store_epoch: string }[];
  readonly losses: readonly { readonly reason: string }[];
}

async function told(connectorId = ''): Promise<Told> {
  const range = {
    from: new Date(at.wallMs - DAY_MS).toISOString(),
    to: new Date(at.wallMs + 9 * DAY_MS).toISOString(),
  };
  const search = new URLSearchParams({ ...range, limit: '10000' });
  const response = await cloud.app.inject({
    url: `/staff/v1/connectors/${connectorId}/samples?${search}`,
    headers: { authorization: `Bearer ${cloud.staffToken}` },
  });
  return response.json();
}

/** Of all connectors, in order. */
async function allSeqs(stage: Stage): Promise<number[]> {
  const pages = await Promise.all(stage.connectorIds.map(told));
  return pages.flatMap(({ samples }) => samples.map(({ seq }) => seq)).sort((a, b) => a - b);
}
const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

test('SY-02 SY-01 samples of all connectors reach the cloud once, beside the events, over restarts of the link', async () => {
  const stage = await setTheStage(cloud, { name: 'stream', connectors: 3 });
  const first = openSite(stage);
  first.take(3000);
  first.ledger.commit(alarms(1, 2, 3), at);
  await expect.poll(() => first.samples.recorder.stream()?.ackedSeq).toBe(900);
  await expect.poll(() => first.ledger.backlog()).toBe(0);
  expect(await allSeqs(stage)).toEqual(upTo(900));
  first.take(100);
  await first.close();
  const second = openSite(stage, { folder: first.folder });
  second.take(600);
  await expect.poll(() => second.samples.recorder.stream()?.ackedSeq).toBe(1110);
  expect(await allSeqs(stage)).toEqual(upTo(1110));
  const { samples, losses } = await told(stage.connectorIds[0]);
  expect(new Set(samples.map(({ store_epoch }) => store_epoch)).size).toBe(1);
  expect(losses).toEqual([]);
});

test('SY-01 SY-02 an edge that is killed before it has noted an acknowledgement sends again, and nothing is stored twice', async () => {
  const stage = await setTheStage(cloud, { name: 'killed', connectors: 2 });
  const first = openSite(stage);
  first.take(3000);
  await expect.poll(() => first.samples.recorder.stream()?.ackedSeq).toBe(600);
  const folder = tempFolder();
  cpSync(first.folder, folder, { recursive: true });
  await first.close();
  const second = openSite(stage, { folder });
  expect(second.samples.recorder.stream()).toMatchObject({ headSeq: 601, ackedSeq: 0 });
  second.take(600);
  await expect.poll(() => second.samples.recorder.stream()?.ackedSeq).toBe(721);
  expect(await allSeqs(stage)).toEqual(upTo(721).filter((seq) => seq !== 601));
  expect((await told(stage.connectorIds[0])).losses.map(({ reason }) => reason)).toEqual(['interrupted']);
});

test('SY-03.b an older copy of the samples gets another name, and events go on as if nothing were', async () => {
  const stage = await setTheStage(cloud, { name: 'older', connectors: 2 });
  const first = openSite(stage);
  first.take(600);
  await expect.poll(() => first.samples.recorder.stream()?.ackedSeq).toBe(120);
  await first.close();
  const copy = tempFolder();
  cpSync(first.folder, copy, { recursive: true });
  const second = openSite(stage, { folder: first.folder });
  second.take(600);
  await expect.poll(() => second.samples.recorder.stream()?.ackedSeq).toBe(240);
  const { ledger } = second;
  ledger.commit(alarms(11), at);
  await expect.poll(() => ledger.backlog()).toBe(0);
  await second.close();
  for (const file of ['samples.db', 'samples.db-wal', 'samples.db-shm']) {
    rmSync(join(first.folder, file), { force: true });
    if (existsSync(join(copy, file))) cpSync(join(copy, file), join(first.folder, file));
  }
  const third = openSite(stage, { folder: first.folder });
  const storeEpoch = third.samples.recorder.stream()?.storeEpoch;
  await expect.poll(() => third.samples.recorder.stream()?.storeEpoch).not.toBe(storeEpoch);
  third.take(600);
  third.ledger.commit(alarms(12), at);
  await expect.poll(() => third.samples.recorder.stream()?.ackedSeq).toBe(121);
  await expect.poll(() => third.ledger.backlog()).toBe(0);
  const { samples, losses } = await told(stage.connectorIds[0]);
  expect(samples).toHaveLength(60 + 60 + 60);
  expect(losses.map(({ reason }) => reason)).toEqual(['damaged']);
});

test('SY-02 events do not wait behind samples, and samples keep to their pace', async () => {
  const stage = await setTheStage(cloud, { name: 'pace', connectors: 2 });
  const { samples, take, ledger } = openSite(stage, { bytesPerS: 4_000 });
  take(30_000);
  await expect.poll(() => samples.recorder.stream()?.ackedSeq).toBeGreaterThan(0);
  const from = performance.now();
  ledger.commit(alarms(21), at);
  await expect.poll(() => ledger.backlog()).toBe(0);
  expect(performance.now() - from).toBeLessThan(5000);
  expect(samples.recorder.stream()?.ackedSeq).toBeLessThan(6000);
});
