import { expect, test } from 'vitest';
import { ManualTime } from '../bus/testing.ts';
import { startCommand, stopCommand, uuid } from '../control/testing.ts';
import { HeldStarts } from './held-starts.ts';

function held(begun: readonly string[] = []) {
  const time = new ManualTime();
  const taken: string[] = [];
  const commands = [startCommand({ commandId: uuid(1) }), stopCommand(uuid(9), { commandId: uuid(2) })];
  const starts = new HeldStarts(commands, {
    take: ({ kind }) => taken.push(kind),
    begun: new Set(begun),
    timers: time,
  });
  return { time, taken, starts };
}

test('ED-12 ED-09 a start that was left open waits for a clock to judge it by; a stop does not', () => {
  const { taken, starts } = held();
  expect(taken).toEqual(['stop']);
  starts.release();
  expect(taken).toEqual(['stop', 'start']);
});

test('ED-12 it is taken once, and after a minute without a clock as well: to be refused', async () => {
  const { time, taken, starts } = held();
  await time.pass(59_999);
  expect(taken).toEqual(['stop']);
  await time.pass(1);
  starts.release();
  await time.pass(60_000);
  expect(taken).toEqual(['stop', 'start']);
});

test('SY-04 one that is cancelled while it waits comes before its cancel, and not after it', () => {
  const { taken, starts } = held();
  starts.releaseOne(uuid(7));
  expect(taken).toEqual(['stop']);
  starts.releaseOne(uuid(1));
  expect(taken).toEqual(['stop', 'start']);
  starts.release();
  expect(taken).toEqual(['stop', 'start']);
});

test('OP-12 one that has a session on disk is taken at once: after that session it would begin another', () => {
  const { taken, starts } = held([uuid(1)]);
  expect(taken).toEqual(['start', 'stop']);
  starts.release();
  expect(taken).toEqual(['start', 'stop']);
});
