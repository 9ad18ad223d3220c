import { expect, test } from 'vitest';
import { type HoldReason, helloSchema } from '#shared/wire/messages.ts';
import { startCommand, uuid } from '../control/testing.ts';
import { alarms, at } from '../ledger/testing.ts';
import { pause, rig } from './testing.ts';

/** Copies of a store and second boxes, as the link meets them. */

const poll = (read: () => unknown) => expect.poll(read, { interval: 10 });

test('SY-03.b a store that the cloud knows further than it is itself goes on under an epoch of its own, and says why', async () => {
  const { cloud, ledger, link, logged } = await rig();
  const former = ledger.storeEpoch;
  ledger.commit(alarms(1, 2, 3), at);
  cloud.onHeard = (kind) => {
    const isFormer = cloud.heard.hello.at(-1)?.storeEpoch === former;
    if (kind === 'hello') cloud.welcome({ cursors: [{ stream: 'events', ackedSeq: isFormer ? 9 : 0 }] });
    if (kind === 'batch') cloud.ack();
  };
  await poll(() => ledger.backlog()).toBe(0);
  expect(link.state).toBe('open');
  expect(ledger.storeEpoch).not.toBe(former);
  expect(new Set(cloud.heard.batch.map(({ storeEpoch }) => storeEpoch))).toEqual(new Set([ledger.storeEpoch]));
  const told = cloud.heard.batch.flatMap(({ records }) => records);
  expect(told.map(({ seq, body }) => [seq, body.code])).toEqual([
    [1, 'pile-fault'],
    [2, 'pile-fault'],
    [3, 'pile-fault'],
    [4, 'store-copied'],
  ]);
  expect(told.at(-1)?.body.detail).toContain('it has 3 records, and the cloud knows 9');
  expect(logged.join()).toContain('this store is a copy');
});

test('SY-03.b a store under whose numbers the cloud knows other records tells what it has under an epoch of its own', async () => {
  const { cloud, ledger, store } = await rig();
  const former = ledger.storeEpoch;
  cloud.onHeard = (kind) => {
    if (kind === 'hello') cloud.welcome();
    if (kind === 'batch') cloud.ack(ledger.storeEpoch === former ? { isCopy: true } : {});
  };
  ledger.commit(alarms(1, 2), at);
  await poll(() => ledger.storeEpoch).not.toBe(former);
  await poll(() => ledger.backlog()).toBe(0);
  const again = cloud.heard.batch.filter(({ storeEpoch }) => storeEpoch === ledger.storeEpoch);
  expect(again.flatMap(({ records }) => records).map(({ body }) => body.alarmId)).toEqual([
    uuid(1),
    uuid(2),
    expect.anything(),
  ]);
  expect(store.rows('SELECT * FROM dead_letters')).toEqual([]);
});

test('SY-03.c a box that is held sends nothing and obeys nothing, asks again, and goes on when it is welcomed', async () => {
  const { cloud, ledger, link, told } = await rig();
  const hold = (reason: HoldReason) => {
    const { life, storeEpoch } = helloSchema.parse(cloud.heard.hello.at(-1));
    cloud.say('hold', { v: 1, lifeId: life?.lifeId ?? '', storeEpoch, reason });
  };
  await poll(() => link.state).toBe('open');
  cloud.onHeard = (kind) => {
    if (kind === 'hello') hold('barred');
  };
  hold('barred');
  await poll(() => link.held).toBe('barred');
  await poll(() => link.state).toBe('greeting');
  const [batches, states] = [cloud.heard.batch.length, cloud.heard.state.length];
  ledger.commit(alarms(1), at);
  link.poke();
  link.showView([]);
  cloud.say('command', startCommand());
  cloud.say('cancel', { v: 1, commandId: startCommand().commandId });
  await pause(300);
  expect([cloud.heard.batch.length, cloud.heard.state.length, told]).toEqual([batches, states, []]);
  expect(ledger.statusOf(startCommand().commandId)).toBeNull();
  cloud.onHeard = (kind) => cloud.answer(kind);
  await poll(() => link.state).toBe('open');
  await poll(() => ledger.backlog()).toBe(0);
  expect(link.held).toBeNull();
  cloud.say('command', startCommand());
  await poll(() => told.length).toBe(1);
});

test('SY-03.c after each connection nothing is obeyed before the welcome: it may be meant for another box', async () => {
  const { cloud, link, told } = await rig();
  await poll(() => link.state).toBe('open');
  cloud.onHeard = (kind) => {
    if (kind === 'hello') cloud.say('command', startCommand());
  };
  const hellos = cloud.heard.hello.length;
  cloud.dropConnections();
  await poll(() => cloud.heard.hello.length).toBeGreaterThan(hellos + 1);
  await pause(100);
  expect(told).toEqual([]);
});

test('SY-03.c the next process on a store says after which one it comes, once that was welcomed', async () => {
  const { cloud, link, ledger, store } = await rig();
  await poll(() => link.state).toBe('open');
  const first = cloud.heard.hello[0]?.life;
  expect(first).toEqual({ lifeId: expect.any(String), formerLifeId: null, controllerId: null });
  await poll(() => cloud.heard.state.at(-1)?.lifeId).toBe(first?.lifeId);
  await link.close();
  const next = await rig({ opened: { ledger, store } });
  await poll(() => next.cloud.heard.hello.length).toBeGreaterThan(0);
  expect(next.cloud.heard.hello[0]?.life).toMatchObject({ formerLifeId: first?.lifeId });
  expect(next.cloud.heard.hello[0]?.life?.lifeId).not.toBe(first?.lifeId);
});
