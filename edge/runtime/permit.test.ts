import { expect, test } from 'vitest';
import { Permit } from './permit.ts';

test('ED-18 a permit is not there until it is renewed, and ends by itself', () => {
  const permit = new Permit(3000);
  expect(permit.isValid(0)).toBe(false);
  permit.renew(1000);
  expect([permit.isValid(1000), permit.isValid(3999), permit.isValid(4000)]).toEqual([true, true, false]);
  permit.renew(5000);
  expect([permit.isValid(7999), permit.isValid(8000)]).toEqual([true, false]);
});
