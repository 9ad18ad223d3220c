import fc from 'fast-check';
import { expect, test } from 'vitest';
import { verdictOf } from '../limits/rate-policy.ts';
import { classOf, policyFor, rateHeaders } from './rate-policy.ts';

const policy = { perMinute: 60, burst: 5 };
const nowMs = 1_000_000;
const fullIn = (seconds: number) => nowMs * 1000 + seconds * 1_000_000;

test('OP-08 what is left and how long to wait follow from when the bucket is full again', () => {
  expect(verdictOf(policy, true, fullIn(1), nowMs)).toEqual({ isAllowed: true, remaining: 4, waitS: 1 });
  expect(verdictOf(policy, true, fullIn(5), nowMs)).toEqual({ isAllowed: true, remaining: 0, waitS: 5 });
  expect(verdictOf(policy, false, fullIn(5), nowMs)).toEqual({ isAllowed: false, remaining: 0, waitS: 1 });
});

test('OP-08 who waits as long as he is told finds room, and is never told to wait for nothing', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6000 }),
      fc.integer({ min: 1, max: 500 }),
      fc.nat(1000),
      (perMinute, burst, part) => {
        const one = { perMinute, burst };
        const cost = Math.ceil(60_000_000 / perMinute);
        const fullAtUs = nowMs * 1000 + cost * burst - Math.floor((cost * part) / 1001);
        const { waitS } = verdictOf(one, false, fullAtUs, nowMs);
        expect(waitS).toBeGreaterThanOrEqual(1);
        const later = (nowMs + waitS * 1000) * 1000;
        expect(Math.max(fullAtUs, later) + cost).toBeLessThanOrEqual(later + cost * burst);
      },
    ),
  );
});

test('OP-08 the headers are those of the draft', () => {
  const allowed = rateHeaders('control', policy, { isAllowed: true, remaining: 3, waitS: 2 });
  expect(allowed).toEqual({ 'ratelimit-policy': '"control";q=5;w=5', ratelimit: '"control";r=3;t=2' });
  const refused = rateHeaders('control', policy, { isAllowed: false, remaining: 0, waitS: 7 });
  expect(refused).toMatchObject({ ratelimit: '"control";r=0;t=7' });
});

test('OP-08 each kind of endpoint is counted by itself, and a key may have limits of its own', () => {
  expect(classOf('GET', ['read'])).toBe('read');
  expect(classOf('GET', ['control', 'read'])).toBe('read');
  expect(classOf('POST', ['control'])).toBe('control');
  expect(classOf('GET', ['orders'])).toBe('orders');
  expect(classOf('POST', ['keys'])).toBe('manage');
  const policies = { read: policy, control: policy, orders: policy, settlement: policy, manage: policy };
  expect(policyFor(policies, { control: { per_minute: 9, burst: 2 } }, 'control')).toEqual({ perMinute: 9, burst: 2 });
  expect(policyFor(policies, { control: { per_minute: 9, burst: 2 } }, 'read')).toBe(policy);
});
