import { expect, test } from 'vitest';
import { ageMs, linkIsFresh, statusNow } from './freshness.ts';

const state = { status: 'charging', observationAgeMs: 500, receivedAtMs: 1_000_000 };

test('OP-11 a stale state is unknown, never a confident old value', () => {
  expect(statusNow(state, 1_000_000)).toBe('charging');
  expect(statusNow(state, 1_014_500)).toBe('charging');
  expect(statusNow(state, 1_014_501)).toBe('unknown');
  expect(statusNow(null, 1_000_000)).toBe('unknown');
});

test('OP-11 an observation that was old when it was sent is old', () => {
  expect(statusNow({ ...state, observationAgeMs: 20_000 }, 1_000_000)).toBe('unknown');
  expect(ageMs({ ...state, observationAgeMs: 20_000 }, 1_003_000)).toBe(23_000);
});

test('OP-11 offline is what the site says of a pile, so it holds as long as the site speaks', () => {
  const offline = { status: 'offline', observationAgeMs: 600_000, receivedAtMs: 1_000_000 };
  expect(statusNow(offline, 1_010_000)).toBe('offline');
  expect(statusNow(offline, 1_015_001)).toBe('unknown');
});

test('SY-05 a site is online while its heartbeat is fresh and its will has not come', () => {
  expect(linkIsFresh({ online: true, heardAtMs: 1_000 }, 16_000)).toBe(true);
  expect(linkIsFresh({ online: true, heardAtMs: 1_000 }, 16_001)).toBe(false);
  expect(linkIsFresh({ online: false, heardAtMs: 1_000 }, 1_000)).toBe(false);
  expect(linkIsFresh({ online: true, heardAtMs: null }, 1_000)).toBe(false);
  expect(linkIsFresh(null, 1_000)).toBe(false);
});
