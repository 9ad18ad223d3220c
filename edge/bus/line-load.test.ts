import { expect, test } from 'vitest';
import { LineLoad } from './line-load.ts';

/** Questions of so many ms, so many ms apart, for a while. */
function loadOf(questionMs: number, apartMs: number, forMs: number): number {
  const load = new LineLoad(0);
  for (let atMs = 0; atMs + apartMs <= forMs; atMs += apartMs) load.took(atMs, atMs + questionMs);
  return load.share;
}

test('ED-04 the load of a line is the share of time that its questions keep it', () => {
  expect(loadOf(10, 10, 5000)).toBeGreaterThan(0.999);
  expect(loadOf(5, 50, 5000)).toBeCloseTo(0.1, 1);
  expect(new LineLoad(0).share).toBe(0);
});

test('ED-04 a line that becomes busy is known to be within half a second, and a burst of polls makes none busy', () => {
  expect(loadOf(10, 10, 400)).toBeGreaterThan(0.5);
  expect(loadOf(10, 10, 150)).toBeLessThan(0.3);
});

test('ED-04 silence after a failure keeps the line too, though it is still to come', () => {
  const load = new LineLoad(0);
  load.took(0, 1000);
  // The next question is asked in the same instant in which the silence ends.
  load.took(1000, 1010);
  expect(load.share).toBeGreaterThan(0.85);
});

test('ED-04 the load is forgotten when nothing is asked', () => {
  const load = new LineLoad(0);
  load.took(0, 2000);
  load.took(4000, 4001);
  expect(load.share).toBeLessThan(0.03);
});
