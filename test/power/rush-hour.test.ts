import { expect, onTestFinished, test } from 'vitest';
import { pass, Stand } from '../stand/stand.ts';
import { gridShape, gridSite, gridStation } from './grid-station.ts';
import { judgeRun } from './judge-run.ts';
import { PowerRun } from './power-run.ts';
import { everybodyComes, houseSwitchesOn } from './stages.ts';

/** Goal: the heart of what the runs of a full site show at length, in some minutes. */

test('ED-14 twenty-four cars come at once, the house switches on, and the edge is killed: no limit is passed by a decision, or for longer than 5 s', {
  timeout: 600_000,
}, async () => {
  const stand = await Stand.open({ station: gridStation(11), site: gridSite });
  onTestFinished(() => stand.close());
  const run = await PowerRun.begin(stand);
  await everybodyComes(run);
  await houseSwitchesOn(run);
  await run.stage('the edge is killed', async () => {
    await run.kill(0);
    await pass(15_000);
  });
  const judged = judgeRun(stand, await run.end(), gridShape);
  expect(judged.complaints).toEqual([]);
  expect(judged.recordedWh).toBeGreaterThan(500);
});
