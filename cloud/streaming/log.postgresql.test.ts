import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { buildApp } from '../app.ts';
import { connect, type Db } from '../db/connect.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { type Stage, setTheStage } from '../testing/fixtures.ts';
import { openStreamClient } from '../testing/stream-client.ts';
import { startTestCloud, type TestCloud } from '../testing/test-cloud.ts';
import { numberChanges } from './number-changes.ts';
import { readChanges } from './read-changes.ts';
import { writeChanges } from './write-changes.ts';

const CONNECTORS = 12;
const NAME = 'log';
let cloud: TestCloud;
let stage: Stage;
/** What a second process has: connections of its own. */
let otherDb: Db;

beforeAll(async () => {
  cloud = await startTestCloud();
  stage = await setTheStage(cloud, { name: NAME, connectors: CONNECTORS });
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(cloud.context.db);
  const url = new URL(inject('postgresqlUrl') ?? '');
  url.pathname = `/${rows[0]?.name}`;
  otherDb = await connect({ engine: 'postgresql', url: url.href }, () => undefined);
  for (const connector_id of stage.connectorIds) {
    const state = { status: 'available', faults: '[]', observed_at_ms: 0, observation_age_ms: 0 };
    await otherDb
      .insertInto('connector_states')
      // Far ahead of now, so that it does not become silent while the test runs.
      .values({ connector_id, ...state, received_at_ms: Date.now() + 3_600_000, public_status: 'available' })
      .execute();
  }
});
afterAll(async () => {
  await otherDb?.destroy();
  await cloud?.stop();
});

/** Changes the status of a connector as ingest does: under the lock of its state, in one transaction with the change. */
async function change(trx: Trx, connectorId: string): Promise<void> {
  const row = await trx
    .selectFrom('connector_states')
    .select('public_status')
    .where('connector_id', '=', connectorId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  const status = row.public_status === 'available' ? 'plugged' : 'available';
  const times = { observed_at_ms: 0, observation_age_ms: 0, received_at_ms: 0, changed_at_ms: 0 };
  await trx
    .updateTable('connector_states')
    .set({ public_status: status })
    .where('connector_id', '=', connectorId)
    .execute();
  await writeChanges(trx, [
    { connector_id: connectorId, status, previous_status: row.public_status, plugged: null, ...times },
  ]);
}
const nameOf = (n: number): string => stage.connectorIds[n % CONNECTORS] ?? '';

test('OP-11 a change that commits late comes behind those that were told by then, and is not passed over', async () => {
  const { db } = cloud.context;
  let commit: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    commit = resolve;
  });
  let written: () => void = () => {};
  const isWritten = new Promise<void>((resolve) => {
    written = resolve;
  });
  const late = transaction(otherDb, async (trx) => {
    await change(trx, nameOf(0));
    written();
    await held;
  });
  await isWritten;
  await transaction(db, (trx) => change(trx, nameOf(1)));
  const told = async (after: number) => {
    await numberChanges(db);
    return (await readChanges(db, after, 10)).map((row) => [row.position, row.connector_id]);
  };
  await expect.poll(() => told(0)).toEqual([[1, nameOf(1)]]);
  commit();
  await late;
  await expect.poll(() => told(1)).toEqual([[2, nameOf(0)]]);
});

test('OP-11 thousands of changes by two writers, read through two processes by somebody who is cut again and again: none is missed, none comes twice, each connector in order', async () => {
  const EACH = 1_000;
  const second = await buildApp({
    context: {
      ...cloud.context,
      processId: cloud.context.random.uuid(),
      db: otherDb,
      logger: pino({ level: 'silent' }),
    },
    staffToken: cloud.staffToken,
    publicUrl: null,
    readiness: () => Promise.reject(new Error('not asked here')),
  });
  await second.listen({ host: '127.0.0.1', port: 0 });
  const address = second.server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const urls = [cloud.httpUrl, `http://127.0.0.1:${address.port}`];
  const write = async (db: Db, from: number) => {
    for (let n = 0; n < EACH; ) {
      const size = 1 + ((n * 7) % 5);
      const ids = [...new Set(Array.from({ length: size }, (_, k) => nameOf(from + n * 5 + k * 3)))].sort();
      await transaction(db, async (trx) => {
        for (const id of ids) await change(trx, id);
      });
      n += ids.length;
      written += ids.length;
    }
  };
  const { head } = { head: await headOf() };
  let written = 0;
  const seen: string[] = [];
  let isWriting = true;
  const writing = Promise.all([write(cloud.context.db, 0), write(otherDb, 5)]).finally(() => {
    isWriting = false;
  });
  let after = String(head);
  for (let round = 0; isWriting || (await headOf()) > Number(after); round += 1) {
    const client = await openStreamClient(urls[round % 2] ?? '', cloud.clock, stage.key, `?after=${after}`);
    const until = performance.now() + 250;
    while (performance.now() < until && client.socket.readyState === client.socket.OPEN)
      await new Promise((resolve) => setTimeout(resolve, 20));
    // Cut without a word, in the middle of whatever it is.
    client.socket.terminate();
    await client.closed();
    seen.push(...client.changes());
    expect(client.messages.some((one) => one.type === 'snapshot')).toBe(false);
    after = client.position() === '' ? after : client.position();
  }
  await writing;
  await second.close();
  const positions = seen.map((one) => Number(one.split('@')[1]));
  expect(positions).toEqual(Array.from({ length: written }, (_, n) => head + 1 + n));
  const last = new Map<string, string>();
  for (const one of seen) {
    const [, id = '', before, now = ''] = /^(.+):(.+)>(.+)@/.exec(one) ?? [];
    if (last.has(id)) expect([one, before]).toEqual([one, last.get(id)]);
    last.set(id, now);
  }
}, 60_000);

async function headOf(): Promise<number> {
  const row = await otherDb
    .selectFrom('status_positions')
    .select('position')
    .where('name', '=', 'head')
    .executeTakeFirstOrThrow();
  const waiting = await otherDb.selectFrom('status_changes_unnumbered').select('change_id').execute();
  return row.position + waiting.length;
}
