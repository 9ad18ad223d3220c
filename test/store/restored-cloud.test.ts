import { PGlite } from '@electric-sql/pglite';
import { expect, onTestFinished, test } from 'vitest';
import type { StartCommand } from '#shared/wire/messages.ts';
import { INT8_OID, parseInt8 } from '../../cloud/db/int8.ts';
import { readMigrations } from '../../cloud/db/migrate.ts';
import { systemRandom } from '../../cloud/random.ts';
import { kyselyOf, migrationsFolder, openMigrated } from '../../cloud/testing/database-template.ts';
import { type Stage, setTheStage } from '../../cloud/testing/fixtures.ts';
import { ended } from '../../cloud/testing/records.ts';
import { createTestClock } from '../../cloud/testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../cloud/testing/test-cloud.ts';
import { untilGone } from '../../cloud/testing/until-gone.ts';
import type { Ledger } from '../../edge/ledger/ledger.ts';
import { alarm, at, openRescued } from '../../edge/ledger/testing.ts';
import { type Box, openBox, pluggedView, showOnce } from '../sync/site-box.ts';
import { sessionOf } from './session-of.ts';

/** A cloud that is put back from a backup: its real database and ingest, a real broker, the edge's real ledger and link. */

const clock = createTestClock();
const masterKey = systemRandom.bytes(32);
const poll = (read: () => unknown) => expect.poll(read, { interval: 20 });

async function startCloud(pglite: PGlite): Promise<TestCloud> {
  const cloud = await startTestCloud({ clock, db: kyselyOf(pglite), masterKey });
  onTestFinished(() => cloud.stop());
  return cloud;
}

function connect(cloud: TestCloud, stage: Stage, ledger: Ledger): Box {
  const box = openBox(stage, cloud.brokerUrl, ledger);
  onTestFinished(() => box.link.close());
  return box;
}

/** A box that is restarted: the same store, another process. */
async function restart(cloud: TestCloud, stage: Stage, ledger: Ledger, box: Box): Promise<Box> {
  await box.link.close();
  await untilGone(cloud.context.db, stage.siteId);
  clock.advance(61_000);
  const next = connect(cloud, stage, ledger);
  await poll(() => next.link.state).toBe('open');
  return next;
}

const write = (ledger: Ledger, ...details: string[]) => {
  for (const detail of details) {
    const record = { ...alarm(1, detail), alarmId: crypto.randomUUID() };
    ledger.commit({ session: null, records: [record] }, at);
  }
};
const hasToldAll = (ledger: Ledger) => poll(() => ledger.backlog()).toBe(0);

async function charge(cloud: TestCloud, stage: Stage, box: Box, ledger: Ledger) {
  const connectorId = stage.connectorIds[0] ?? '';
  await showOnce(box, pluggedView(connectorId, clock.wallMs()));
  await poll(async () => (await stage.partner.call('GET', `/v1/connectors/${connectorId}`)).body.status).toBe(
    'plugged',
  );
  const body = { request_id: 'r-1', connector_id: connectorId };
  const orderId: string = (await stage.partner.call('POST', '/v1/operations/start', body)).body.order_id;
  const isStart = (command: Box['commands'][number]): command is StartCommand => command.kind === 'start';
  await poll(() => box.commands.some(isStart)).toBe(true);
  const command = box.commands.find(isStart);
  if (command === undefined) throw new Error('no start command');
  const session = sessionOf(command, crypto.randomUUID());
  const { sessionId, pileId } = session;
  const facts = { pileId, connectorId, orderId, commandId: command.commandId, meterStartWh: 1_000, limitMa: 16_000 };
  const begin = { kind: 'session.started' as const, sessionId, ...facts, startedAt: at };
  ledger.commit({ session: { session, open: true }, records: [begin] }, at);
  box.link.poke();
  await poll(() => stateOf(cloud, orderId)).toBe('charging');
  const stamp = (atMs = clock.wallMs()) => ({ ...at, wallMs: atMs });
  const end = () => {
    const record = ended({ stamp }, stage, { sessionId, orderId, connectorId, startMs: clock.wallMs() });
    ledger.commit({ session: { session, open: false }, records: [record] }, at);
    box.link.poke();
  };
  return { orderId, end };
}

const stateOf = async (cloud: TestCloud, orderId: string) =>
  (
    await cloud.context.db
      .selectFrom('orders')
      .select('state')
      .where('order_id', '=', orderId)
      .executeTakeFirstOrThrow()
  ).state;
const alarmsOf = async ({ context }: TestCloud) =>
  (await context.db.selectFrom('alarms').select(['code', 'detail']).execute()).map(({ code, detail }) =>
    code === 'pile-fault' ? detail : code,
  );

test('SY-01 SY-05 a cloud that was put back from a backup goes on without a person: what it lost is shown, and the bills of it come again', {
  timeout: 60_000,
}, async () => {
  const pglite = await openMigrated(await readMigrations(migrationsFolder));
  const first = await startCloud(pglite);
  const stage = await setTheStage(first, { name: 'restored' });
  const { ledger } = openRescued();
  const box = connect(first, stage, ledger);
  write(ledger, 'a before');
  const { orderId, end } = await charge(first, stage, box, ledger);
  await hasToldAll(ledger);
  const kept = ledger.ackedSeq();
  const backup = await pglite.dumpDataDir('none');
  write(ledger, 'b lost');
  end();
  await hasToldAll(ledger);
  expect(await stateOf(first, orderId)).toBe('completed');
  // Lives that the backup knows nothing of.
  const again = await restart(first, stage, ledger, box);
  await (await restart(first, stage, ledger, again)).link.close();
  write(ledger, 'c waits');
  const lost = ledger.ackedSeq();
  await first.stop();

  const parsers = { [INT8_OID]: parseInt8 };
  const second = await startCloud(await PGlite.create({ parsers, loadDataDir: backup }));
  expect([await stateOf(second, orderId), await alarmsOf(second)]).toEqual(['charging', ['a before']]);
  const { storeEpoch } = ledger;
  clock.advance(61_000);
  const last = connect(second, stage, ledger);
  await poll(() => stateOf(second, orderId)).toBe('completed');
  await hasToldAll(ledger);
  expect(ledger.storeEpoch).toBe(storeEpoch);
  expect((await alarmsOf(second)).sort()).toEqual(['a before', 'c waits', 'records-missing']);
  const gaps = await second.context.db.selectFrom('record_gaps').select(['first_seq', 'last_seq']).execute();
  expect(gaps).toEqual([{ first_seq: kept + 1, last_seq: lost }]);
  expect(await second.context.db.selectFrom('dead_letters').select('reason').execute()).toEqual([]);
  expect(await second.context.db.selectFrom('exceptions').select('detail').execute()).toEqual([]);
  // Told again once, and no more.
  const head = ledger.headSeq();
  await restart(second, stage, ledger, last);
  expect([ledger.headSeq(), ledger.backlog()]).toEqual([head, 0]);
});
