import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { lookAtSystemClock, stamper, systemClock } from './system-time.ts';

test('ED-12 a stamp is made of the monotonic clock and what is known of the boot, and tells how far it is believed', () => {
  const bootId = '00000000-0000-4000-8000-000000000900';
  const known = { bootId, offsetMs: 1_795_000_000_000, quality: 'doubtful' as const };
  const stamp = stamper({ monoMs: () => 1234.9 }, () => known);
  expect(stamp()).toEqual({ wallMs: 1_795_000_001_234, monoMs: 1234, bootId, clock: 'doubtful' });
});

test('ED-12 the system clock counts as synchronised anew whenever the file is touched', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-sync-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'synchronized');
  const mark = () => lookAtSystemClock(systemClock, file).syncMark;
  expect(mark()).toBe(null);
  writeFileSync(file, '');
  const first = mark();
  expect(first).not.toBe(null);
  expect(mark()).toBe(first);
  utimesSync(file, 1_795_000_000, 1_795_000_000);
  expect(mark()).toBe(1_795_000_000_000);
});
