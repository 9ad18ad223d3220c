import { expect, test } from 'vitest';
import type { LineJob, Priority } from './exchange.ts';
import { JobQueue, type PendingJob, type Turn } from './job-queue.ts';

const timing = { gapMs: 0, responseTimeoutMs: 100, slowestReplyMs: 200 };
const exchange = { begin: () => new Uint8Array(), feed: () => ({ kind: 'more' }) as const };
const job = (priority: Priority, device = 'unit 1'): PendingJob => ({
  job: { device, priority, timing, exchange, answerBytes: 7 },
  resolve: () => {},
  reject: () => {},
});
const now = (readyAtMonoMs = 0): Turn => ({ readyAtMonoMs, isHeldBack: false });
const always = () => now();

function order(queue: JobQueue, turnOf: (job: LineJob<unknown>) => Turn = always): string[] {
  const served: string[] = [];
  for (let next = queue.next(turnOf); next !== null; next = queue.next(turnOf)) {
    served.push(`${next.pending.job.priority} ${next.pending.job.device}`);
    queue.take(next.pending);
  }
  return served;
}

function queueOf(limit: number, ...jobs: (readonly [Priority, string])[]): JobQueue {
  const queue = new JobQueue(limit);
  for (const [priority, device] of jobs) expect(queue.add(job(priority, device))).toBe(true);
  return queue;
}

test('ED-04 stops go first, then commands, then the watchdog, then polls; within a class the first that came', () => {
  const queue = queueOf(
    10,
    ['poll', 'a'],
    ['keep-alive', 'b'],
    ['poll', 'c'],
    ['command', 'd'],
    ['stop', 'e'],
    ['keep-alive', 'f'],
    ['command', 'g'],
    ['stop', 'h'],
  );
  expect(queue.length).toBe(8);
  expect(order(queue)).toEqual([
    'stop e',
    'stop h',
    'command d',
    'command g',
    'keep-alive b',
    'keep-alive f',
    'poll a',
    'poll c',
  ]);
});

test('ED-04 of several polls the one whose device is ready first goes, not the one that came first', () => {
  const readyAtMs: Record<string, number> = { a: 300, b: 100, c: 200, d: 100 };
  const queue = queueOf(10, ['poll', 'a'], ['poll', 'b'], ['poll', 'c'], ['poll', 'd']);
  const ready = (one: LineJob<unknown>) => now(readyAtMs[one.device]);
  expect(queue.next(ready)).toMatchObject({ readyAtMonoMs: 100, pending: { job: { device: 'b' } } });
  expect(order(queue, ready)).toEqual(['poll b', 'poll d', 'poll c', 'poll a']);
});

test('ED-04 a lower class does not fill the gap of a higher one', () => {
  const queue = queueOf(10, ['poll', 'ready'], ['stop', 'in its gap']);
  const next = queue.next(({ device }) => now(device === 'ready' ? 0 : 100));
  expect(next).toMatchObject({ readyAtMonoMs: 100, pending: { job: { device: 'in its gap' } } });
});

test('ED-04 a full queue takes no more polls and feeds, but stops and commands always', () => {
  const queue = queueOf(2, ['poll', 'a'], ['poll', 'b']);
  expect([queue.add(job('poll')), queue.add(job('keep-alive'))]).toEqual([false, false]);
  for (let i = 0; i < 10; i += 1) expect(queue.add(job(i % 2 === 0 ? 'stop' : 'command', String(i)))).toBe(true);
  expect(queue.length).toBe(12);
  expect(order(queue).slice(0, 2)).toEqual(['stop 0', 'stop 2']);
});

test('ED-04 draining gives every job back once', () => {
  const queue = queueOf(10, ['poll', 'a'], ['stop', 'b']);
  expect(queue.drain().map((pending) => pending.job.device)).toEqual(['b', 'a']);
  expect(queue.length).toBe(0);
  expect(queue.next(always)).toBeNull();
});

test('ED-04 what is held back lets everything else go first, and goes when nothing else waits', () => {
  const queue = queueOf(10, ['stop', 'dead'], ['urgent-poll', 'dead'], ['poll', 'a'], ['poll', 'b']);
  const turnOf = ({ device }: LineJob<unknown>): Turn => ({ readyAtMonoMs: 0, isHeldBack: device === 'dead' });
  expect(order(queue, turnOf)).toEqual(['poll a', 'poll b', 'stop dead', 'urgent-poll dead']);
});

test('ED-04 an urgent poll waits its turn among the polls', () => {
  const queue = queueOf(10, ['poll', 'a'], ['urgent-poll', 'b'], ['poll', 'c'], ['keep-alive', 'd']);
  expect(order(queue)).toEqual(['keep-alive d', 'poll a', 'urgent-poll b', 'poll c']);
});
