import { gridShape, gridSite, gridStation } from '../power/grid-station.ts';
import { judgeRun } from '../power/judge-run.ts';
import { PowerRun } from '../power/power-run.ts';
import {
  edgeIsKilled,
  everybodyComes,
  houseSwitchesOn,
  meterIsSilent,
  pileFallsSilent,
  pileIsDeaf,
} from '../power/stages.ts';
import { Stand } from '../stand/stand.ts';
import { round } from './measure.ts';

const SEED = 1;

/**
 * A site of 24 piles on real lines with a real edge, by what truly flowed: how far and how long any limit was passed while
 * a house of 60 A a phase comes and goes, a pile falls silent, the grid meter as well, a pile does not follow, and the edge
 * is killed.
 *
 * @param houseSteps how often the house switches on and off
 */
export async function powerOnLines(houseSteps: number): Promise<Record<string, number>> {
  const stand = await Stand.open({ station: gridStation(SEED), site: gridSite });
  try {
    const run = await PowerRun.begin(stand);
    await pileIsDeaf(run, 'K5', ['K1', 'K2', 'K3', 'K4']);
    await everybodyComes(run);
    for (let n = 0; n < houseSteps; n += 1) await houseSwitchesOn(run);
    await pileFallsSilent(run, 'H3');
    await meterIsSilent(run);
    await edgeIsKilled(run);
    const story = await run.end();
    const judged = judgeRun(stand, story, gridShape);
    for (const complaint of judged.complaints) process.stderr.write(`${complaint}\n`);
    return {
      max_overshoot_a: round(judged.maxOvershootA, 1),
      overshoot_s: round(judged.longestOvershootMs / 1000),
      raises_above_a_limit: judged.badRaises.length,
      contactor_moves_most: judged.mostOperations,
      flowed_wh: round(judged.flowedWh, 1),
      recorded_wh: judged.recordedWh,
      run_s: Math.round((story.after.nowMonoMs - story.before.nowMonoMs) / 1000),
    };
  } finally {
    await stand.close();
  }
}
