import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Clock } from '#shared/clock.ts';
import { type UpKind, upTopic } from '#shared/wire/topics.ts';
import { transaction } from '../../db/transaction.ts';
import { sendDueDocuments } from '../../documents/document-sender.ts';
import { sendDueCommands } from '../../operations/command-sender.ts';
import { insertCommand } from '../../operations/commands.ts';
import { systemRandom } from '../../random.ts';
import { type Stage, setTheStage } from '../../testing/fixtures.ts';
import { createTestClock } from '../../testing/test-clock.ts';
import { startTestCloud, type TestCloud } from '../../testing/test-cloud.ts';
import { dispatch } from '../dispatch.ts';
import { createDown } from '../down.ts';
import { createTogether } from '../together.ts';

/** A process whose lease has run out, and which does not know it yet: what it does has no effect and no answer. */

const STRANGER = '00000000-0000-4000-8000-0000000000ff';
const clock = createTestClock();
const connectionEpoch = systemRandom.uuid();
const storeEpoch = systemRandom.uuid();
let cloud: TestCloud;
let stage: Stage;
let owner: string;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  stage = await setTheStage(cloud, { name: 'fenced' });
  owner = cloud.context.processId;
  await say('hello', hello, owner);
  await say('batch', alarm(1), owner);
});
afterAll(() => cloud?.stop());

const at = () => ({ wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: storeEpoch, clock: 'trusted' });
const hello = {
  software: 'x',
  streams: [{ stream: 'events', headSeq: 1, ackedSeq: 0 }],
  runningSessions: [],
  documents: [],
};

function alarm(seq: number): object {
  const about = { pileId: null, connectorId: null, sessionId: null };
  const told = { code: 'over-temperature', severity: 'warning', detail: 'hot', ...about };
  const body = { kind: 'alarm.raised', alarmId: `00000000-0000-4000-8000-00000000000${seq}`, ...told };
  return { stream: 'events', records: [{ seq, at: at(), body }] };
}

function charging(): object {
  const view = { pileId: 'p', connectorId: stage.connectorIds[0], status: 'charging', sessionId: null, faults: [] };
  const figures = { plugged: true, energyWh: 1, powerW: 1, currentMa: 1, temperatureC: 1 };
  return { connectors: [{ ...view, ...figures, observedAtMs: clock.wallMs() }] };
}

/** What a process answers to a message, by kind. */
async function say(
  kind: UpKind,
  message: object | string,
  processId: string,
  timeOfProcess: Clock = clock,
): Promise<string[]> {
  const answers: string[] = [];
  const down = createDown((topic) => Promise.resolve(void answers.push(topic.split('/').at(-1) ?? '')));
  const head = { v: 1, siteId: stage.siteId, connectionEpoch, storeEpoch, at: at() };
  const text = typeof message === 'string' ? message : JSON.stringify({ ...head, ...message });
  const topic = upTopic(stage.shard, stage.siteId, kind);
  const context = { ...cloud.context, processId, down, clock: timeOfProcess };
  const incoming = { topic, payload: Buffer.from(text), receivedAtMs: clock.wallMs() };
  await dispatch({ ...context, together: createTogether(context) }, incoming);
  return answers;
}

/** Everything that a message can change. What becomes of an alarm that is there, others change. */
const everything = async (): Promise<unknown[]> => {
  const tables = ['site_links', 'site_records', 'cursors', 'connector_states', 'dead_letters'];
  const found = await Promise.all([
    ...tables.map((table) => sql`select * from ${sql.table(table)}`.execute(cloud.context.db)),
    sql`select alarm_id, code, detail, received_at_ms from alarms order by alarm_id`.execute(cloud.context.db),
  ]);
  return found.map(({ rows }) => rows);
};

test.each<[string, UpKind, () => object | string, string[]]>([
  ['a new record', 'batch', () => alarm(2), ['ack']],
  ['a record that is here already', 'batch', () => alarm(1), ['ack']],
  ['a hello', 'hello', () => hello, ['welcome']],
  ['a state', 'state', charging, []],
  ['a will', 'presence', () => ({ online: false }), []],
  ['a refusal of the site', 'nack', () => ({ code: 'x', topic: 'y', detail: 'z' }), []],
  ['what cannot be read', 'batch', () => 'not json', ['nack']],
])(
  'SY-01 XC-07 %s that reaches a process without the lease has neither effect nor answer',
  async (told, kind, message, answers) => {
    clock.advance(1_000);
    const before = await everything();
    expect(await say(kind, message(), STRANGER)).toEqual([]);
    expect(await everything()).toEqual(before);
    expect(await say(kind, message(), owner)).toEqual(answers);
    if (told !== 'a record that is here already') expect(await everything()).not.toEqual(before);
  },
);

test.each<[UpKind, object | string]>([
  ['hello', hello],
  ['batch', alarm(1)],
  ['batch', 'not json'],
])(
  'SY-01 XC-07 a process that stands still between COMMIT and answer for longer than its lease leaves the answer to %s to others',
  async (kind, message) => {
    let asked = 0;
    const standing = { ...clock, monoMs: () => (asked++ === 0 ? 0 : 60_000) };
    expect(await say(kind, message, owner, standing)).toEqual([]);
    expect(asked).toBeGreaterThan(1);
  },
);

test('SY-04 XC-07 a command is sent by the process that has the shard of its site, and by no other', async () => {
  const { wallMs } = clock;
  const later = { ...clock, wallMs: () => wallMs() + 5_000 };
  const commandId = systemRandom.uuid();
  const sent: string[] = [];
  const down = { ...createDown(() => Promise.reject()), command: async () => void sent.push('command') };
  await transaction(cloud.context.db, (trx) =>
    insertCommand(
      trx,
      { operationId: null, siteId: stage.siteId, shard: stage.shard },
      {
        v: 1,
        kind: 'maintain',
        commandId,
        connectorId: stage.connectorIds[0] ?? '',
        requestId: 'request-1',
        action: 'reboot',
        stopRunning: false,
        by: 'staff',
        issuedAtMs: later.wallMs(),
        expiresAtMs: later.wallMs() + 60_000,
        ttlMs: 60_000,
      },
    ),
  );
  await sendDueCommands({ ...cloud.context, clock: later, down, processId: STRANGER });
  expect(sent).toEqual([]);
  await sendDueCommands({ ...cloud.context, clock: later, down });
  expect(sent).toEqual(['command']);
});

test('SY-07 XC-07 a document is sent by the process that has the shard of its site, and by no other', async () => {
  const { wallMs } = clock;
  const later = { ...clock, wallMs: () => wallMs() + 5_000 };
  const sent: string[] = [];
  const down = { ...createDown(() => Promise.reject()), document: async () => void sent.push('document') };
  await cloud.context.db
    .insertInto('site_documents')
    .values({
      site_id: stage.siteId,
      kind: 'tariffs',
      version: 1,
      digest: 'a'.repeat(64),
      text: '{}',
      requested_by: 'staff',
      created_at_ms: clock.wallMs(),
      next_send_at_ms: later.wallMs(),
      sent_count: 0,
      status: 'open',
      source: 'cloud',
      detail: null,
      complaints: null,
      reported_at_ms: null,
    })
    .execute();
  await sendDueDocuments({ ...cloud.context, clock: later, down, processId: STRANGER });
  expect(sent).toEqual([]);
  await sendDueDocuments({ ...cloud.context, clock: later, down });
  expect(sent).toEqual(['document']);
});
