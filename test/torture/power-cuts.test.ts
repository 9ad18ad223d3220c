import { expect, test } from 'vitest';
import { cutPower } from './power-cuts.ts';

/**
 * A ledger's writes are recorded, the power is cut anywhere, and the ledger itself opens what a disk could then hold. The
 * other two tests show that a worse ledger does not get through.
 */

test('ED-09 150 power cuts: every acknowledged commit is there, none is there in half, and the sequence goes on', {
  timeout: 60_000,
}, () => {
  const report = cutPower({ images: 150, seed: 1 });
  expect(report.failures).toEqual([]);
  expect(report.verdicts).toEqual({ sound: 150 });
  expect(report.syncs, 'a commit without a sync is none').toBeGreaterThan(200);
});

test('ED-09 the same cuts tell a ledger that does not wait for the disk: it loses what it has acknowledged, and nothing else', {
  timeout: 60_000,
}, () => {
  const { verdicts } = cutPower({ images: 100, seed: 1, flaw: 'unsynced-commits' });
  expect(verdicts.lost).toBeGreaterThan(20);
  // What is missing in the middle of its journal it finds out by itself.
  const others = Object.keys(verdicts).filter((kind) => !['damaged', 'lost', 'sound'].includes(kind));
  expect(others).toEqual([]);
});

test('ED-09 the same cuts tell a ledger without transactions: half of a commit is found', { timeout: 60_000 }, () => {
  const { verdicts } = cutPower({ images: 100, seed: 1, flaw: 'no-transactions' });
  expect(verdicts.half).toBeGreaterThan(5);
});
