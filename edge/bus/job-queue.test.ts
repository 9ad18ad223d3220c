import { expect, test } from 'vitest';
import { JobQueue, type PendingJob } from './job-queue.ts';
import type { Priority } from './request.ts';

const timing = { gapMs: 0, responseTimeoutMs: 100, slowestReplyMs: 200 };
const job = (priority: Priority, unit = 1): PendingJob => ({
  job: { unit, priority, request: { fc: 3, address: 0, count: 1 }, timing },
  resolve: () => {},
  reject: () => {},
});

function order(queue: JobQueue): string[] {
  const served: string[] = [];
  for (let next = queue.peek(); next !== null; next = queue.peek()) {
    served.push(`${next.job.priority} ${next.job.unit}`);
    queue.take(next);
  }
  return served;
}

test('ED-04 commands go first, then the watchdog, then polls; within a class the first that came', () => {
  const queue = new JobQueue(10);
  for (const [priority, unit] of [
    ['poll', 1],
    ['keep-alive', 2],
    ['poll', 3],
    ['command', 4],
    ['keep-alive', 5],
    ['command', 6],
  ] as const) {
    expect(queue.add(job(priority, unit))).toBe(true);
  }
  expect(queue.length).toBe(6);
  expect(order(queue)).toEqual(['command 4', 'command 6', 'keep-alive 2', 'keep-alive 5', 'poll 1', 'poll 3']);
});

test('ED-04 a full queue takes no more polls, but a command always: a stop is never refused', () => {
  const queue = new JobQueue(2);
  expect([queue.add(job('poll')), queue.add(job('poll')), queue.add(job('poll'))]).toEqual([true, true, false]);
  expect(queue.add(job('keep-alive'))).toBe(false);
  for (let i = 0; i < 10; i += 1) expect(queue.add(job('command', i))).toBe(true);
  expect(queue.length).toBe(12);
  expect(order(queue).slice(0, 2)).toEqual(['command 0', 'command 1']);
});

test('draining gives every job back once', () => {
  const queue = new JobQueue(10);
  queue.add(job('poll', 1));
  queue.add(job('command', 2));
  expect(queue.drain().map((pending) => pending.job.unit)).toEqual([2, 1]);
  expect(queue.length).toBe(0);
  expect(queue.peek()).toBeNull();
});
