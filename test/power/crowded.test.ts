import { expect, onTestFinished, test } from 'vitest';
import { Stand } from '../stand/stand.ts';
import { gridShape, gridSite, gridStation, TURN_MINUTES } from './grid-station.ts';
import { judgeRun } from './judge-run.ts';
import { PowerRun } from './power-run.ts';
import { everybodyComes, siteIsCrowded } from './stages.ts';

/**
 * Whoever is sent out waits a turn at least, and those who waited come in one after the other: each only when what another
 * has given up is known to be free.
 */
const CHANGE_OVER_MS = 180_000;

test('ED-14 where not all can have the least current everybody has a turn, and no contacts chatter', {
  timeout: 1_200_000,
}, async () => {
  const stand = await Stand.open({ station: gridStation(7), site: gridSite });
  onTestFinished(() => stand.close({ keep: process.env.PILEGATE_KEEP === '1' }));
  const run = await PowerRun.begin(stand);
  await everybodyComes(run);
  const before = (await stand.station.truth()).piles;
  await siteIsCrowded(run, 2 * TURN_MINUTES * 60_000 + CHANGE_OVER_MS);
  const crowded = (await stand.station.truth()).piles;
  const judged = judgeRun(stand, await run.end(), gridShape);
  expect(judged.complaints).toEqual([]);
  const starved = crowded.filter((pile, i) => pile.energyTruthWh - (before[i]?.energyTruthWh ?? 0) < 5);
  expect(starved.map(({ pileId }) => pileId)).toEqual([]);
  const paused = crowded.filter(({ contactorOperations }) => contactorOperations > 1);
  expect(paused.length).toBeGreaterThan(5);
});
