import { expect, test } from 'vitest';
import { smallStation } from '../stand/small-site.ts';
import { LONGER_THAN_WATCHDOGS_MS, planRound } from './kill-plan.ts';
import { killEdges } from './kills.ts';

/** The first rounds of this seed kill often and wait for no watchdog: the share of `npm run torture` that fits into a test run. */
const QUICK_SEED = 2180;
const STANDS = 3;

test('ED-09 the edge is killed twelve times over running charges: none is lost, none doubled, all that flowed is in the records', {
  timeout: 180_000,
}, async () => {
  const report = await killEdges({ kills: 12, seed: QUICK_SEED, stands: STANDS });
  expect(report.failures).toEqual([]);
  expect(report.kills).toBeGreaterThanOrEqual(12);
  expect(report.starts).toBe(report.rounds * smallStation.piles.length);
  // Otherwise it was no trial.
  expect(report.adopted).toBeGreaterThanOrEqual(3);
  expect(report.flowedWh).toBeGreaterThan(30);
});

test('ED-09 a seed names its plan: the same kills, of every kind, over the same charges', () => {
  const pileIds = smallStation.piles.map(({ pileId }) => pileId);
  expect(planRound(77, pileIds)).toEqual(planRound(77, pileIds));
  const plans = Array.from({ length: 300 }, (_, seed) => planRound(seed, pileIds));
  const kills = plans.flatMap((plan) => plan.kills);
  const moments = new Set(kills.map(({ moment }) => (moment.on === 'phase' ? moment.to : moment.on)));
  expect([...moments].sort()).toEqual([
    'batch',
    'boot',
    'charging',
    'checking',
    'closing',
    'preparing',
    'starting',
    'stopping',
    'time',
  ]);
  const endings = new Set(plans.flatMap((plan) => Object.values(plan.piles).map(({ ending }) => ending.kind)));
  expect([...endings].sort()).toEqual(['cancel', 'emergency-stop', 'full', 'power-cycle', 'stop', 'unplugged']);
  expect(kills.some(({ downMs }) => downMs === LONGER_THAN_WATCHDOGS_MS)).toBe(true);
});
