import { expect, test } from 'vitest';
import { uuid } from '../control/testing.ts';
import { acknowledge, alarms, at, closingOf, open, sessionOn, started } from '../ledger/testing.ts';
import { type FakeCloud, pause, rig } from './testing.ts';

const poll = (read: () => unknown) => expect.poll(read, { interval: 10 });
const ranges = (cloud: FakeCloud) => cloud.heard.batch.map(({ records }) => [records[0]?.seq, records.at(-1)?.seq]);
const numbers = (count: number) => alarms(...Array.from({ length: count }, (_, i) => i + 1));

/** A cloud that takes four batches at a time, and answers none by itself. */
async function modernRig() {
  const parts = await rig({ fraction: () => 0 });
  parts.cloud.accepts = { batchesInFlight: 4, streams: ['events'], encodings: [] };
  parts.cloud.onHeard = (kind) => {
    if (kind === 'hello') parts.cloud.welcome();
  };
  return parts;
}

test('SY-01 as many batches as the cloud allows are on their way, each with a number of its own; an older one gets one, without', async () => {
  const { cloud, ledger, link } = await modernRig();
  await poll(() => link.state).toBe('open');
  ledger.commit(numbers(1000), at);
  link.poke();
  await poll(() => ranges(cloud).slice(0, 3)).toEqual([
    [1, 200],
    [201, 400],
    [401, 600],
  ]);
  expect(new Set(cloud.heard.batch.map(({ sendNo }) => sendNo)).size).toBe(cloud.heard.batch.length);
  cloud.ack({}, cloud.heard.batch[0]);
  await poll(() => ledger.backlog()).toBe(800);
  await poll(() => ranges(cloud)).toContainEqual([601, 800]);

  cloud.accepts = undefined;
  let before = Number.POSITIVE_INFINITY;
  cloud.onHeard = (kind) => {
    if (kind !== 'hello') return;
    before = Math.min(before, cloud.heard.batch.length);
    cloud.welcome();
  };
  cloud.dropConnections();
  await poll(() => ranges(cloud).length - before).toBeGreaterThan(1);
  expect(new Set(ranges(cloud).slice(before).map(String))).toEqual(new Set(['201,400']));
  expect(cloud.heard.batch[before]).not.toHaveProperty('sendNo');
});

test('SY-03.b what the cloud has not compared stays in the outbox, although it says that it is further', async () => {
  const { cloud, ledger, link } = await modernRig();
  await poll(() => link.state).toBe('open');
  ledger.commit(numbers(500), at);
  link.poke();
  await poll(() => cloud.heard.batch.length).toBeGreaterThan(2);
  cloud.ack({ ackedSeq: 350 }, cloud.heard.batch[0]);
  await poll(() => ledger.backlog()).toBe(300);
  cloud.ack({ ackedSeq: 500 }, cloud.heard.batch[2]);
  await pause(50);
  expect(ledger.backlog()).toBe(300);
  cloud.ack({ ackedSeq: 500 }, cloud.heard.batch[1]);
  await poll(() => ledger.backlog()).toBe(100);
});

test('SY-01 an answer to a batch of a former connection is no answer to one of the present, however chance falls', async () => {
  const { cloud, ledger, link } = await modernRig();
  await poll(() => link.state).toBe('open');
  ledger.commit(numbers(400), at);
  link.poke();
  await poll(() => cloud.heard.batch.length).toBe(2);
  const [first] = cloud.heard.batch;
  cloud.ack({}, first);
  await poll(() => ledger.backlog()).toBe(200);
  const before = cloud.heard.batch.length;
  cloud.dropConnections();
  await poll(() => ranges(cloud).slice(before)).toContainEqual([201, 400]);
  cloud.ack({ ackedSeq: 400 }, first);
  await pause(50);
  expect(ledger.backlog()).toBe(200);
  cloud.ack({}, cloud.heard.batch.at(-1));
  await poll(() => ledger.backlog()).toBe(0);
});

test('OP-16 the site hears of a start when the batch that has it is answered, and not of one that is refused', async () => {
  const { cloud, ledger, link, told } = await modernRig();
  await poll(() => link.state).toBe('open');
  const [first, second] = [sessionOn(1), sessionOn(2)];
  ledger.commit(open(first, started(first)), at);
  link.poke();
  ledger.commit(open(second, started(second)), at);
  link.poke();
  await poll(() => ranges(cloud).slice(0, 2)).toEqual([
    [1, 1],
    [2, 2],
  ]);
  const [one, two] = cloud.heard.batch;
  cloud.ack({ refused: [{ seq: 1, code: 'record.refused', detail: 'why' }] }, one);
  cloud.ack({}, two);
  await poll(() => ledger.backlog()).toBe(0);
  await pause(50);
  expect(told).toEqual([`acknowledged ${second.sessionId.slice(-2)}`]);
});

test('SY-02 the live view goes out before the backlog', async () => {
  const { cloud, ledger, link } = await rig({ fraction: () => 0, start: false });
  const order: string[] = [];
  cloud.onHeard = (kind) => {
    order.push(kind);
    cloud.answer(kind);
  };
  ledger.commit(numbers(300), at);
  await cloud.start();
  await poll(() => link.state).toBe('open');
  await poll(() => ledger.backlog()).toBe(0);
  expect(order.slice(0, 3)).toEqual(['hello', 'state', 'batch']);
});

test('SY-08 a batch goes out compressed to a cloud that reads that, and as it is to any other', async () => {
  const { cloud, ledger, link } = await rig({ fraction: () => 0 });
  cloud.accepts = { batchesInFlight: 1, streams: ['events'], encodings: ['of-later', 'gzip'] };
  await poll(() => link.state).toBe('open');
  const drained = async () => {
    const before = cloud.sizes.length;
    ledger.commit(numbers(200), at);
    link.poke();
    await poll(() => ledger.backlog()).toBe(0);
    return cloud.sizes.slice(before).filter(({ kind }) => kind === 'batch');
  };
  const [compressed] = await drained();
  expect(compressed?.isPlain).toBe(false);
  for (const accepts of [{ batchesInFlight: 1, streams: ['events'], encodings: ['of-later'] }, undefined]) {
    cloud.accepts = accepts;
    const hellos = cloud.heard.hello.length;
    cloud.dropConnections();
    await poll(() => cloud.heard.hello.length).toBeGreaterThan(hellos);
    await poll(() => link.state).toBe('open');
    const [plain] = await drained();
    expect(plain?.isPlain).toBe(true);
    expect(plain?.bytes).toBeGreaterThan(5 * (compressed?.bytes ?? 0));
  }
});

test('SY-08 a short batch is not made longer', async () => {
  const { cloud, ledger, link } = await rig({ fraction: () => 0 });
  cloud.accepts = { batchesInFlight: 1, streams: ['events'], encodings: ['gzip'] };
  await poll(() => link.state).toBe('open');
  ledger.commit(numbers(1), at);
  link.poke();
  await poll(() => cloud.sizes.find(({ kind }) => kind === 'batch')?.isPlain).toBe(true);
});

test('SY-01 SY-05 what the cloud has lost is told again once, and the next hello says so', async () => {
  const { cloud, ledger, link } = await rig({ fraction: () => 0, start: false });
  const closing = closingOf(1);
  if (closing.session === null) throw new Error('no session');
  ledger.commit(open(closing.session.session), at);
  ledger.commit(closing, at);
  const head = ledger.headSeq();
  acknowledge(ledger, head);
  const tellAgain = { gapId: uuid(70), firstSeq: 1, lastSeq: head };
  cloud.onHeard = (kind) => (kind === 'hello' ? cloud.welcome({ tellAgain }) : cloud.answer(kind));
  await cloud.start();
  await poll(() => cloud.heard.hello.map(({ toldAgain }) => toldAgain)).toEqual([null, uuid(70)]);
  await poll(() => ledger.backlog()).toBe(0);
  link.askTime();
  await poll(() => cloud.heard.hello.length).toBe(3);
  await pause(100);
  const kinds = cloud.heard.batch.flatMap(({ records }) => records.map(({ body }) => body.kind));
  expect(kinds.filter((kind) => kind === 'session.ended')).toHaveLength(1);
  expect(ledger.headSeq()).toBeGreaterThan(head);
});

test('SY-05 a cloud that knows less than it has acknowledged is told so in a hello, and not again at once', async () => {
  const { cloud, ledger, link } = await rig({ fraction: () => 0 });
  ledger.commit(numbers(2), at);
  link.poke();
  await poll(() => ledger.ackedSeq()).toBe(2);
  const hellos = cloud.heard.hello.length;
  cloud.onHeard = (kind) => (kind === 'hello' ? cloud.welcome() : cloud.ack({ ackedSeq: 1 }));
  ledger.commit(numbers(1), at);
  link.poke();
  await poll(() => cloud.heard.hello.length).toBe(hellos + 1);
  const batches = cloud.heard.batch.length;
  await poll(() => cloud.heard.batch.length).toBeGreaterThan(batches + 1);
  expect(cloud.heard.hello.length).toBe(hellos + 1);
  expect([ledger.ackedSeq(), ledger.backlog()]).toEqual([2, 1]);
});
