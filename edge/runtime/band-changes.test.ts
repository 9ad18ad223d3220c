import { expect, test } from 'vitest';
import { tariff } from '../control/testing.ts';
import { bandChanges } from './band-changes.ts';

const NOON_MS = Date.parse('2026-03-02T04:00:00Z');

test('ED-10 the price changes at noon in Shanghai, and not before', () => {
  const changeMs = bandChanges();
  expect(changeMs(tariff, NOON_MS - 1000, NOON_MS + 1000)).toBe(NOON_MS);
  expect(changeMs(tariff, NOON_MS, NOON_MS + 1000)).toBeNull();
});

test('ED-12 between two looks that a clock puts years apart it has changed, and nobody is kept waiting for that', () => {
  const startedMs = performance.now();
  const laterMs = NOON_MS + 70 * 365 * 86_400_000;
  expect(bandChanges()({ ...tariff, bands: [...tariff.bands] }, NOON_MS, laterMs)).not.toBeNull();
  const past = {
    ...tariff,
    bands: tariff.bands.slice(0, 1),
    days: [{ name: 'past', dates: ['2026-01-01'], bands: tariff.bands }],
  };
  expect(bandChanges()(past, NOON_MS, laterMs)).toBe(laterMs);
  expect(performance.now() - startedMs).toBeLessThan(1000);
});
