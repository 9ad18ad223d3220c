import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { INSPECTED, openCollector } from './garbage-collector.ts';
import { type Held, shortcomings } from './ingest-hold.ts';
import { figuresOf } from './process-figures.ts';
import { slopePercent } from './slope.ts';
import { startProcess } from './start-process.ts';

/** Goal: what the ingest benchmark says of a leak is true of a leak, and of nothing else. */

/** What is needed in ten minutes, told every 20 s. */
const tenMinutes = (of: (n: number) => number) =>
  Array.from({ length: 30 }, (_, n) => ({ atMs: n * 20_000, value: of(n) }));

test('memory that goes up and down a little has no slope', () => {
  expect(slopePercent(tenMinutes(() => 150))).toBe(0);
  expect(Math.abs(slopePercent(tenMinutes((n) => 150 + (n % 3))))).toBeLessThan(0.5);
});

test('a few peaks are no leak, wherever they are', () => {
  expect(slopePercent(tenMinutes((n) => (n > 25 ? 300 : 150)))).toBe(0);
});

test('a leak of two percent is seen', () => {
  const grown = slopePercent(tenMinutes((n) => 150 + (3 * n) / 29 + (n % 2)));
  expect(grown).toBeGreaterThan(1.5);
  expect(grown).toBeLessThan(2.5);
});

test('the garbage of another process can be collected', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-collector-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const logFile = join(folder, 'log');
  const program = `let kept = Array.from({ length: 2e6 }, (_, i) => [i]); setTimeout(() => { kept = null; console.log('{}'); }, 10); setInterval(() => {}, 1e6)`;
  const other = await startProcess(['-e', program], {
    stdio: ['ignore', 'pipe', openSync(logFile, 'a')],
    env: { ...process.env, ...INSPECTED },
  });
  onTestFinished(() => other.stop());
  const collector = await openCollector(logFile);
  onTestFinished(() => collector.close());
  const rssMb = () => figuresOf(other.child.pid ?? 0).rssMb;
  const before = rssMb();
  await collector.collect();
  expect(rssMb()).toBeLessThan(before - 30);
});

const held: Held = {
  held_s: 600,
  held_records_per_s: 1000,
  held_ack_p99_ms: 40,
  held_core_fraction: 0.4,
  rss_mb: 250,
  rss_needed_mb: 150,
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
