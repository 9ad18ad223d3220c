import { expect, test } from 'vitest';
import { readConfig } from '../config.ts';
import { nextAttemptAtMs } from './retry-plan.ts';

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
