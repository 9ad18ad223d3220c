import { expect, test } from 'vitest';
import { Permit } from './permit.ts';
import { stamper } from './system-time.ts';

test('ED-18 a permit is not there until it is renewed, and ends by itself', () => {
  const permit = new Permit(3000);
  expect(permit.isValid(0)).toBe(false);
  permit.renew(1000);
  expect([permit.isValid(1000), permit.isValid(3999), permit.isValid(4000)]).toEqual([true, true, false]);
  permit.renew(5000);
  expect([permit.isValid(7999), permit.isValid(8000)]).toEqual([true, false]);
});

test.each([
  ['1970, as a box without a battery wakes up', 0, 'none'],
  ['a time before this software existed', Date.UTC(2025, 11, 31), 'none'],
  ['now', Date.UTC(2026, 5, 1), 'trusted'],
])('ED-12 a clock that shows %s is told as such', (_, wallMs, clock) => {
  const stamp = stamper({ wallMs: () => wallMs, monoMs: () => 1234.9 }, '00000000-0000-4000-8000-000000000900');
  expect(stamp()).toEqual({ wallMs, monoMs: 1234, bootId: '00000000-0000-4000-8000-000000000900', clock });
});
