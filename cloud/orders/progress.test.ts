import { expect, test } from 'vitest';
import { LONGEST_RATED_MS } from '#shared/tariff/rate.ts';
import { exampleTariff } from '../testing/fixtures.ts';
import { progressOf } from './progress.ts';

/** By day: 1.60 a kilowatt-hour. */
const startedAtMs = Date.parse('2026-11-22T10:00:00+08:00');
const charge = { startedAtMs, meterStartWh: 1_000, tariff: exampleTariff, heldMs: null };
const liveAfter = (ms: number, change = {}) => ({
  energyWh: 10_000,
  powerW: 7_000,
  socPercent: null,
  observedAtMs: startedAtMs + ms,
  observationAgeMs: 500,
  receivedAtMs: startedAtMs + ms,
  ...change,
});
const costAfter = (ms: number, change = {}, of = charge) =>
  progressOf(of, liveAfter(ms, change), startedAtMs + ms).cost_so_far?.minor ?? null;

test('OP-18 what a charge costs so far is told where it can be known, and null stands where it cannot', () => {
  expect(costAfter(3_600_000)).toBe(1_600);
  expect(costAfter(3_600_000, { energyWh: null })).toBeNull();
  expect(costAfter(3_600_000, {}, { ...charge, tariff: null as never })).toBeNull();
  expect(costAfter(-1), 'seen before it began, by a clock that was set back').toBeNull();
});

test('OP-18 a site whose clock is ahead by more than any charge lasts has no cost, and breaks no answer', () => {
  expect(costAfter(LONGEST_RATED_MS)).not.toBeNull();
  expect(costAfter(LONGEST_RATED_MS + 1)).toBeNull();
});
