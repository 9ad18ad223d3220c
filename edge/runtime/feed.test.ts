import { expect, test } from 'vitest';
import type { MeterDriver } from '../devices/meter-driver.ts';
import { loopRig } from './testing.ts';

/** The set-up writes 15000 to the same register: what feeds is told by its value. */
const FEED = '257=14000';
const watchdog = {
  timeoutMs: 15_000,
  refreshedBy: 'writes',
  feed: [{ write: 'watchdogTimeout', value: 14_000 }],
  fallback: { kind: 'stop' },
} as const;

/** A pile whose meter is waited for at every look: when the meter hangs, so does the loop. */
function metered() {
  let hangs = false;
  const meter: MeterDriver = {
    pollMs: 1000,
    forget: () => {},
    read: () =>
      hangs
        ? new Promise(() => {})
        : Promise.resolve({ registerWh: 50_000, currentMa: 0, powerW: null, voltageMv: null, meterId: null }),
  };
  const rig = loopRig({ watchdog: { ...watchdog, feed: [...watchdog.feed] }, currents: [], meter });
  const feeds = () => rig.pile.written.filter(({ what }) => what === FEED).map(({ atMs }) => atMs);
  /** Lets time pass until just after a feed. */
  const untilFed = async () => {
    const count = feeds().length;
    for (let i = 0; i < 200 && feeds().length === count; i += 1) await rig.time.pass(50);
    if (feeds().length === count) throw new Error('it was not fed');
  };
  return {
    ...rig,
    feeds,
    untilFed,
    hang: () => {
      hangs = true;
    },
  };
}

test('ED-18 a watchdog that a write feeds is fed at least every third of its time while the loop turns', async () => {
  const rig = metered();
  rig.loop.start();
  await rig.time.pass(60_000);
  const times = rig.feeds();
  for (const [i, atMs] of times.slice(1).entries()) expect(atMs - (times[i] ?? 0)).toBeLessThanOrEqual(5000);
  expect(times.length).toBeGreaterThanOrEqual(11);
});

test('ED-18 nothing but the loop that has just decided feeds: when it hangs, the feed that would be due next does not come', async () => {
  const rig = metered();
  rig.loop.start();
  await rig.time.pass(10_000);
  await rig.untilFed();
  // The permit outlives the last decision by three polls, and the next feed is due in that time.
  await rig.time.pass(2500);
  rig.hang();
  const count = rig.feeds().length;
  await rig.time.pass(120_000);
  expect(rig.feeds().length).toBe(count);
});

test('ED-18 a loop that turns and sees nothing decides nothing: its feeds end with the permit', async () => {
  const rig = metered();
  rig.loop.start();
  await rig.time.pass(10_000);
  rig.pile.deafToReads = true;
  const fromMs = rig.time.monoMs();
  await rig.time.pass(60_000);
  expect(rig.feeds().filter((atMs) => atMs > fromMs + 3000)).toEqual([]);
  rig.pile.deafToReads = false;
  const heardMs = rig.time.monoMs();
  await rig.time.pass(60_000);
  expect(rig.feeds().filter((atMs) => atMs > heardMs).length).toBeGreaterThan(5);
});

test('ED-18 a look that others have kept waiting, and that fails then, is no decision to feed on', async () => {
  const rig = metered();
  rig.loop.start();
  await rig.time.pass(10_000);
  await rig.untilFed();
  const count = rig.feeds().length;
  rig.pile.deafToReads = true;
  rig.keepLine(4000);
  await rig.time.pass(20_000);
  expect(rig.feeds().length).toBe(count);
});
