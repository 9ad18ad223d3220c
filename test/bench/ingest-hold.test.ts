import { expect, test } from 'vitest';
import { type Held, shortcomings } from './ingest-hold.ts';
import { slopePercent } from './slope.ts';

/** Goal: what the ingest benchmark says of a leak is true of a leak, and of nothing else. */

const everySecond = (values: readonly number[]) => values.map((value, i) => ({ atMs: i * 1000, value }));
const tenMinutes = (of: (s: number) => number) => everySecond(Array.from({ length: 600 }, (_, s) => of(s)));

test('memory that goes up and down, and comes back, has no slope', () => {
  expect(slopePercent(tenMinutes(() => 150))).toBe(0);
  expect(Math.abs(slopePercent(tenMinutes((s) => 150 + (s % 20))))).toBeLessThan(0.5);
});

test('peaks near the end of the window are no leak', () => {
  expect(slopePercent(tenMinutes((s) => (s > 560 ? 300 : 150)))).toBe(0);
});

test('a leak of two percent in the window is seen through the garbage above it', () => {
  const grown = slopePercent(tenMinutes((s) => 150 + (3 * s) / 600 + (s % 30)));
  expect(grown).toBeGreaterThan(1.4);
  expect(grown).toBeLessThan(2.4);
});

const held: Held = {
  held_s: 600,
  held_records_per_s: 1000,
  held_ack_p99_ms: 40,
  held_core_fraction: 0.4,
  rss_mb: 150,
  rss_slope_percent: 0.4,
  sites: 2000,
  sites_lost: 0,
};

test('the benchmark fails when memory grows, when the cloud misses a site, and when a connection breaks', () => {
  expect(shortcomings(held, 2000)).toEqual([]);
  expect(shortcomings({ ...held, rss_slope_percent: -3 }, 2000)).toEqual([]);
  expect(shortcomings({ ...held, rss_slope_percent: null }, 2000)).toEqual([]);
  expect(shortcomings({ ...held, rss_slope_percent: 1 }, 2000)).toEqual(['the memory of ingest grew by 1 %']);
  expect(shortcomings({ ...held, sites: 1999 }, 2000)).toEqual(['only 1999 of 2000 sites were present all the time']);
  expect(shortcomings({ ...held, sites_lost: 2 }, 2000)).toEqual(['2 connections broke']);
});
