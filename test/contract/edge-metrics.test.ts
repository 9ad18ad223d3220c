import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readExposition, seriesCount } from '../../cloud/testing/scrape.ts';
import { newLineCounters } from '../../edge/bus/counters.ts';
import type { StorageHealth } from '../../edge/ledger/storage-health.ts';
import { createEdgeMetrics, type LedgerLook } from '../../edge/metrics/edge-metrics.ts';
import type { FieldFigures } from '../../edge/metrics/field-figures.ts';
import { readinessOf } from '../../edge/metrics/readiness.ts';

const noDelay = { p50S: 0, p99S: 0.001, maxS: 0.002 };
const storage: StorageHealth = {
  level: 'ample',
  freeBytes: 5_000_000_000,
  ledgerBytes: 40_960,
  samplesBytes: 4096,
  ballast: 'held',
  mayCharge: true,
  reason: null,
  storeEpoch: '00000000-0000-4000-8000-000000000001',
  damage: null,
  unconfirmedLoss: [],
  writtenBytes: null,
  writtenPerPileDayBytes: null,
};
const look = (change: Partial<LedgerLook> = {}): LedgerLook => ({
  sync: { link: 'open', backlog: 3 },
  storage,
  clock: 'trusted',
  outbox: { oldestAgeMs: 90_000, bytes: 1200 },
  samplesLost: 2,
  turns: [{ name: 'C1', turns: 17 }],
  delay: noDelay,
  ...change,
});
const figures = (change: Partial<FieldFigures> = {}): FieldFigures => ({
  lines: [
    {
      lineId: 'L1',
      isOpen: true,
      counters: { ...newLineCounters(0), requests: 9, answers: 5, timeouts: 3, crcErrors: 1, busyMs: 1500 },
    },
  ],
  connectors: { available: 3, charging: 1 },
  permitsDenied: 0,
  stops: [],
  delay: noDelay,
  ...change,
});

async function told(given: readonly FieldFigures[], seen: LedgerLook = look()) {
  const metrics = createEdgeMetrics();
  for (const one of given) metrics.field(one);
  metrics.committed(4);
  return readExposition((await metrics.tell(seen)).text);
}

test('XC-03 an edge tells what its lines, stops and stores have done, and adds up what it is told twice', async () => {
  const stops = [
    { rung: 'softStop' as const, tookMs: 900 },
    { rung: 'trip' as const, tookMs: 21_000 },
  ];
  const { value } = await told([figures({ stops }), figures({ permitsDenied: 4, stops: stops.slice(0, 1) })]);
  const lines = (outcome: string) => value('pilegate_edge_line_exchanges_total', { line: 'L1', outcome });
  expect([lines('answered'), lines('timeout'), lines('crc_error')]).toEqual([5, 3, 1]);
  expect(value('pilegate_edge_line_busy_seconds_total')).toBe(1.5);
  expect(value('pilegate_edge_stop_duration_seconds', { rung: 'softStop' })).toBe(2);
  expect(value('pilegate_edge_stop_duration_seconds', { rung: 'trip' })).toBe(1);
  expect(value('pilegate_edge_connectors', { status: 'charging' })).toBe(1);
  expect(value('pilegate_edge_permits_denied_total')).toBe(4);
  expect(value('pilegate_edge_ledger_commit_duration_seconds')).toBe(1);
  expect([value('pilegate_edge_outbox_records'), value('pilegate_edge_outbox_oldest_seconds')]).toEqual([3, 90]);
  expect([value('pilegate_edge_outbox_bytes'), value('pilegate_edge_samples_dropped_total')]).toEqual([1200, 2]);
  expect(value('pilegate_edge_loop_turns_total', { loop: 'C1' })).toBe(17);
  expect(value('pilegate_edge_event_loop_delay_seconds', { thread: 'field', quantile: '1' })).toBe(0.002);
  expect(value('pilegate_edge_clock_quality', { quality: 'trusted' })).toBe(1);
  expect([value('pilegate_edge_link_up'), value('pilegate_edge_may_charge')]).toEqual([1, 1]);
});

test('XC-03 a store that cannot be read is no empty one', async () => {
  const full = { ...storage, level: 'critical' as const, mayCharge: false, freeBytes: 0 };
  const { value } = await told([figures()], look({ sync: null, outbox: null, storage: full, clock: 'none' }));
  expect(value('pilegate_edge_outbox_records')).toBeUndefined();
  expect(value('pilegate_edge_outbox_bytes')).toBeUndefined();
  expect(value('pilegate_edge_storage_level', { level: 'critical' })).toBe(1);
  expect(value('pilegate_edge_storage_level', { level: 'ample' })).toBe(0);
  expect([value('pilegate_edge_link_up'), value('pilegate_edge_may_charge')]).toEqual([0, 0]);
  expect(value('pilegate_edge_clock_quality', { quality: 'none' })).toBe(1);
});

test('XC-03 an edge has as many series after a thousand charges as after one', async () => {
  const one = seriesCount(await told([figures({ stops: [{ rung: 'softStop', tookMs: 900 }] })]));
  const many = Array.from({ length: 1000 }, (_, i) => figures({ stops: [{ rung: 'softStop', tookMs: i * 10 }] }));
  expect(seriesCount(await told(many))).toBe(one);
});

test('XC-03 the page lists exactly what an edge tells, each with its type', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
  const edgePart = page.split('\n## ').find((part) => part.startsWith('Edge\n')) ?? '';
  const listed = [...edgePart.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`);
  const { families } = await told([figures()]);
  expect(listed.sort()).toEqual(families.map(({ name, type }) => `${name} ${type}`).sort());
});

test('XC-03 an edge is ready while its field thread turns and its ledger takes charges, with the cloud or without', () => {
  const good = { storage, link: 'open' as const, fieldAgeMs: 2000 };
  expect(readinessOf(good)).toEqual({ ready: true, reasons: [], link: 'open' });
  expect(readinessOf({ ...good, link: 'down' }).ready).toBe(true);
  expect(readinessOf({ ...good, fieldAgeMs: null }).reasons).toEqual(['the field thread has told nothing']);
  expect(readinessOf({ ...good, fieldAgeMs: 10_000 }).ready).toBe(false);
  const reason = '0.0 of 8000.0 MB are free on the disk';
  const full = { ...storage, level: 'critical' as const, mayCharge: false, reason };
  expect(readinessOf({ ...good, storage: full })).toMatchObject({ ready: false, reasons: [reason] });
  const unreadable = { ...storage, mayCharge: false, reason: 'the ledger does not open' };
  expect(readinessOf({ ...good, storage: unreadable }).reasons).toEqual(['the ledger does not open']);
});
