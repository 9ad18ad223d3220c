import { expect, test } from 'vitest';
import { readConfig } from '../config.ts';
import { askedWaitMs, nextAttemptAtMs } from './retry-plan.ts';

test('OP-20 the default plan is 1, 5, 15 min, 1, 3, 6, 12, 24 h after the attempt before, then the end', () => {
  const plan = readConfig({}).webhookRetryMs;
  const waits = Array.from({ length: 9 }, (_, index) => nextAttemptAtMs(plan, index + 1, 0, 0));
  const minute = 60_000;
  const expected: (number | null)[] = [1, 5, 15, 60, 180, 360, 720, 1440].map((minutes) => minutes * minute);
  expect(waits).toEqual([...expected, null]);
});

test('OP-20 retries are spread a little, and never come early', () => {
  expect(nextAttemptAtMs([1_000], 1, 50, 0)).toBe(1_050);
  expect(nextAttemptAtMs([1_000], 1, 50, 0.999)).toBe(1_150);
});

test('OP-20 a receiver that asks for time gets it, up to a day, and never less than planned', () => {
  expect(nextAttemptAtMs([60_000], 1, 0, 0, 7_200_000)).toBe(7_200_000);
  expect(nextAttemptAtMs([60_000], 1, 0, 0, 1_000)).toBe(60_000);
  expect(nextAttemptAtMs([60_000], 1, 0, 0, 9e11)).toBe(86_400_000);
  expect(nextAttemptAtMs([60_000], 2, 0, 0, 7_200_000), 'the plan is used up').toBeNull();
});

test('OP-20 Retry-After is read as seconds and as a date', () => {
  const nowMs = Date.parse('2026-11-20T10:00:00.000Z');
  expect(askedWaitMs('120', nowMs)).toBe(120_000);
  expect(askedWaitMs('Fri, 20 Nov 2026 10:05:00 GMT', nowMs)).toBe(300_000);
  expect(askedWaitMs('Fri, 20 Nov 2026 09:00:00 GMT', nowMs)).toBe(0);
  for (const nonsense of ['soon', '', '-5', '1e9', '99999999999999']) expect(askedWaitMs(nonsense, nowMs) ?? 0).toBe(0);
});
