import { expect, onTestFinished, test } from 'vitest';
import { openDrainSite } from './drain-site.ts';
import { judgeDrain } from './judge-drain.ts';
import { runDrain } from './run-drain.ts';

/** Goal: what a site has to tell after days alone arrives once and in order, and nobody who charges meanwhile waits for it. */

const DAYS_ALONE = 0.5;
/** The poll of a pile, the write, its read-back, the live view; and a machine that others keep busy. */
const START_WITHIN_MS = 20_000;
/** After so long without a word the cloud takes a site for gone. */
const OFFLINE_AFTER_MS = 15_000;

test('SY-01 SY-02 ED-10 twenty piles come back after half a day alone: all of it arrives once, in order, while charges begin', {
  timeout: 240_000,
}, async () => {
  const site = await openDrainSite(DAYS_ALONE);
  onTestFinished(() => site.close());
  const { backlog } = site;
  expect([backlog.events, backlog.samples]).toEqual([200, 86_400]);
  const drained = await runDrain(site);
  expect(await judgeDrain(site)).toEqual({
    samplesMissing: 0,
    samplesDoubled: 0,
    losses: 0,
    chargesWrong: 0,
    outOfOrder: 0,
    deadLetters: 0,
  });
  expect(drained.eventsDrainedMs).toBeLessThanOrEqual(drained.drainedMs);
  expect(drained.startsMeanwhileMs.length).toBeGreaterThan(0);
  expect(Math.max(...drained.startsMeanwhileMs)).toBeLessThan(START_WITHIN_MS);
  expect(drained.longestSilenceMs).toBeLessThan(OFFLINE_AFTER_MS);
});
