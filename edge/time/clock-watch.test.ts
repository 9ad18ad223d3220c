import { expect, test } from 'vitest';
import type { BootClock, Stamp } from '#shared/stamp.ts';
import type { RecordBody } from '#shared/wire/records.ts';
import { stamper } from '../runtime/system-time.ts';
import type { LastTrusted, OsLook } from './clock-judge.ts';
import { ClockWatch } from './clock-watch.ts';

const bootId = '00000000-0000-4000-8000-000000000900';
const NOW_MS = Date.UTC(2026, 10, 20, 8);

function watchRig(wallMs: number, lastTrusted: LastTrusted | null = null) {
  const os: { -readonly [Key in keyof OsLook]: OsLook[Key] } = { wallMs, monoMs: 60_000.7, syncMark: null };
  const told: BootClock[] = [];
  const records: RecordBody[] = [];
  const watch = new ClockWatch({
    bootId,
    lastTrusted,
    look: () => os,
    onKnown: (clock) => told.push(clock),
    onCorrected: (record) => records.push(record),
  });
  const stamp = stamper({ monoMs: () => os.monoMs }, () => watch.known);
  const pass = (ms: number) => {
    os.wallMs += ms;
    os.monoMs += ms;
    return watch.tick();
  };
  return { os, told, records, watch, stamp, pass };
}

test('ED-12 a box without a battery: no clock, then the cloud: stamps are right from then on, and the correction is told', () => {
  const { told, records, watch, stamp, os, pass } = watchRig(60_000);
  const before = stamp();
  expect(before).toMatchObject({ clock: 'none', monoMs: 60_000, bootId });
  expect(pass(1000)).toBe(true);
  watch.asked();
  expect(pass(1000)).toBe(false);
  const askedMonoMs = os.monoMs;
  os.monoMs += 100;
  watch.hear({ serverWallMs: NOW_MS, askedMonoMs, heardMonoMs: os.monoMs });
  const after = stamp();
  expect(after.clock).toBe('trusted');
  expect(Math.abs(after.wallMs - NOW_MS)).toBeLessThanOrEqual(51);
  const correctionMs = after.wallMs - after.monoMs - (before.wallMs - before.monoMs);
  const offsetMs = after.wallMs - after.monoMs;
  expect(records).toEqual([{ kind: 'clock.corrected', bootId, offsetMs, correctionMs, quality: 'trusted' }]);
  expect(told.map(({ quality }) => quality)).toEqual(['none', 'trusted']);
});

test('ED-12 whether the cloud has told its time well enough to go by it is told', () => {
  const { watch, os } = watchRig(NOW_MS);
  const told = { serverWallMs: NOW_MS, askedMonoMs: os.monoMs - 100, heardMonoMs: os.monoMs };
  expect(watch.hear({ ...told, askedMonoMs: os.monoMs - 30_000 })).toBe(false);
  expect([watch.hear(told), watch.hear(told)]).toEqual([true, true]);
});

test('ED-12 a jump is in no stamp: the time goes on, marked as doubtful, and nothing is corrected', () => {
  const { os, told, records, watch, stamp, pass } = watchRig(NOW_MS);
  watch.hear({ serverWallMs: NOW_MS + 50, askedMonoMs: os.monoMs, heardMonoMs: os.monoMs });
  pass(1000);
  const before = stamp();
  os.wallMs -= 7_200_000;
  expect([before.clock, stamp()]).toEqual(['trusted', before]);
  expect(watch.tick()).toBe(true);
  expect(stamp()).toEqual({ ...before, clock: 'doubtful' });
  expect(told.map(({ quality }) => quality)).toEqual(['doubtful', 'trusted', 'doubtful']);
  expect(records).toEqual([]);
});

test('ED-12 durations from the stamps of one boot never depend on what the wall clock does', () => {
  // A small generator with a fixed seed: 200 lives of 100 events each.
  let seed = 20_260_302;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };
  const jumpsMs = [-7_200_000, 3 * 86_400_000, -1000, 1, 2500, -NOW_MS];
  for (let life = 0; life < 200; life += 1) {
    const { os, watch, stamp, pass, told } = watchRig(random() < 0.3 ? 60_000 : NOW_MS);
    const stamps: Stamp[] = [];
    for (let event = 0; event < 100; event += 1) {
      const known = told.at(-1);
      const dice = random();
      if (dice < 0.2) os.wallMs += jumpsMs[Math.floor(random() * jumpsMs.length)] ?? 0;
      if (dice > 0.9) os.syncMark = os.monoMs;
      if (dice > 0.8 && dice < 0.85) {
        const heardMonoMs = os.monoMs;
        watch.hear({ serverWallMs: NOW_MS + heardMonoMs, askedMonoMs: heardMonoMs - random() * 1000, heardMonoMs });
      }
      pass(Math.floor(random() * 60_000));
      const now = stamp();
      const isSettledAnew = told.at(-1)?.offsetMs !== known?.offsetMs;
      const last = stamps.at(-1);
      // Between two stamps of one anchor wall time and monotonic time have passed alike.
      if (last !== undefined && !isSettledAnew) expect(now.wallMs - last.wallMs).toBe(now.monoMs - last.monoMs);
      expect(now.wallMs - now.monoMs).toBe(told.at(-1)?.offsetMs);
      stamps.push(now);
    }
    const [first, last] = [stamps[0], stamps.at(-1)];
    expect((last?.monoMs ?? 0) - (first?.monoMs ?? 0)).toBeGreaterThan(0);
  }
});
