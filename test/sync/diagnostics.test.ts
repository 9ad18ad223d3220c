import { createHash, randomBytes } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { PIECE_BYTES } from '#shared/wire/messages.ts';
import { BUNDLE_KEPT_MS, BUNDLE_LIFE_MS, forgetDiagnostics } from '../../cloud/diagnostics/ask.ts';
import { type Stage, setTheStage, staffPost } from '../../cloud/testing/fixtures.ts';
import { createTestClock } from '../../cloud/testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { Bundles } from '../../edge/diagnostics/bundles.ts';
import { openLedger } from '../../edge/ledger/testing.ts';
import { fastTime } from '../../edge/link/testing.ts';
import { FaultProxy } from './fault-proxy.ts';
import { openBox } from './site-box.ts';

/** Diagnostics from the wish of staff to the file: the cloud's real routes and database, a real broker, the edge's real link. */

const clock = createTestClock();
let cloud: TestCloud;
beforeAll(async () => {
  cloud = await startTestCloud({ clock });
});
afterAll(() => cloud?.stop());

const poll = (read: () => unknown) => expect.poll(read, { interval: 30 });
const get = (path: string) =>
  cloud.app.inject({ url: `/staff/v1/diagnostics/${path}`, headers: { authorization: `Bearer ${cloud.staffToken}` } });
const ask = ({ siteId }: Stage) =>
  staffPost(cloud.app, cloud.staffToken, `/staff/v1/sites/${siteId}/diagnostics`, { requested_by: 'Li Na' });
const statusOf = async (bundleId: string) => (await get(bundleId)).json();

/** A box whose facts are new each time that they are collected, as after a restart. */
function connect(stage: Stage, url = cloud.brokerUrl, bytes = 70_000) {
  const { ledger } = openLedger();
  const collected: string[] = [];
  const bundles: Bundles = new Bundles({
    clock: fastTime,
    timers: fastTime,
    log: pino({ level: 'silent' }),
    collect: (bundleId) => {
      const noise = randomBytes(bytes).toString('hex');
      collected.push(noise);
      bundles.take(bundleId, { noise });
    },
    send: (piece) => box.link.sendPiece(piece),
  });
  const box = openBox(stage, url, ledger, undefined, (question) => bundles.ask(question));
  onTestFinished(async () => {
    bundles.close();
    await box.link.close();
  });
  return { box, collected };
}

async function contentOf(bundleId: string) {
  const response = await get(`${bundleId}/content`);
  expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'application/gzip']);
  const { sha256 } = await statusOf(bundleId);
  expect(createHash('sha256').update(response.rawPayload).digest('hex')).toBe(sha256);
  return JSON.parse(gunzipSync(response.rawPayload).toString('utf8'));
}

test('SY-09 staff asks, the site sends in pieces, and staff has the file with its digest', async () => {
  const stage = await setTheStage(cloud, { name: 'diagnosed' });
  const { bundle_id: bundleId } = await ask(stage);
  expect(await statusOf(bundleId)).toMatchObject({ status: 'open', pieces: null, requested_by: 'Li Na' });
  expect((await get(`${bundleId}/content`)).statusCode).toBe(404);
  // The question was lost: nobody was there. It is asked again.
  await poll(
    async () =>
      (
        await cloud.context.db
          .selectFrom('diagnostics')
          .selectAll()
          .where('bundle_id', '=', bundleId)
          .executeTakeFirst()
      )?.next_ask_at_ms,
  ).toBeGreaterThan(clock.wallMs());
  const { box, collected } = connect(stage);
  await poll(() => box.link.state).toBe('open');
  clock.advance(11_000);
  await poll(async () => (await statusOf(bundleId)).status).toBe('complete');
  expect(collected).toHaveLength(1);
  expect(await contentOf(bundleId)).toEqual({ noise: collected[0] });
  const { pieces } = await statusOf(bundleId);
  expect(pieces).toBeGreaterThan(70_000 / PIECE_BYTES);
  const left = await cloud.context.db.selectFrom('diagnostic_pieces').selectAll().execute();
  expect(left).toEqual([]);
});

test('SY-09 pieces survive a link that breaks, and a site that begins anew in the middle', {
  timeout: 60_000,
}, async () => {
  const stage = await setTheStage(cloud, { name: 'broken-off' });
  const way = await FaultProxy.before(cloud.brokerUrl);
  onTestFinished(() => way.close());
  const first = connect(stage, way.mqttUrl, 300_000);
  await poll(() => first.box.link.state).toBe('open');
  const { bundle_id: bundleId } = await ask(stage);
  await poll(async () => (await statusOf(bundleId)).pieces_here).toBeGreaterThan(2);
  await way.set({ isCut: true });
  await way.set({});
  await poll(() => first.box.link.state).toBe('open');
  const before = (await statusOf(bundleId)).pieces_here;
  await poll(async () => {
    clock.advance(3000);
    return (await statusOf(bundleId)).pieces_here;
  }).toBeGreaterThan(before);
  expect(first.collected).toHaveLength(1);
  // The process ends; the next one makes the bundle anew.
  await first.box.link.close();
  clock.advance(61_000);
  const second = connect(stage, cloud.brokerUrl, 200_000);
  await poll(() => second.box.link.state).toBe('open');
  await poll(async () => {
    clock.advance(3000);
    return (await statusOf(bundleId)).status;
  }).toBe('complete');
  expect(await contentOf(bundleId)).toEqual({ noise: second.collected[0] });
});

test('SY-09 a site that does not answer is not asked for ever, and old bundles are forgotten', async () => {
  const stage = await setTheStage(cloud, { name: 'silent' });
  const { bundle_id: bundleId } = await ask(stage);
  clock.advance(BUNDLE_LIFE_MS);
  await forgetDiagnostics(cloud.context.db, clock.wallMs());
  expect(await statusOf(bundleId)).toMatchObject({ status: 'expired' });
  clock.advance(BUNDLE_KEPT_MS);
  await forgetDiagnostics(cloud.context.db, clock.wallMs());
  expect((await get(bundleId)).statusCode).toBe(404);
});
