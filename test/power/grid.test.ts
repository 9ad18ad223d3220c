import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadSite } from '../../edge/config/site.ts';
import { devicesOf } from '../../edge/config/site-devices.ts';
import { loadProfiles, packagedProfiles } from '../../edge/devices/load-profiles.ts';
import type { Network } from '../../edge/power/network.ts';
import { networkOf } from '../../edge/power/network-of.ts';
import { Stand } from '../stand/stand.ts';
import { gridShape, gridSite, gridStation, TURN_MINUTES } from './grid-station.ts';
import { judgeRun } from './judge-run.ts';
import { PowerRun } from './power-run.ts';
import { madeAgain } from './shared-log.ts';
import {
  carsComeAndGo,
  edgeIsKilled,
  everybodyComes,
  houseSwitchesOn,
  lineIsUnplugged,
  meterIsFrozen,
  meterIsSilent,
  pileFallsSilent,
  pileIsDeaf,
} from './stages.ts';

test('ED-14 twenty-four piles, a house, and everything that may fail: no limit is passed by a decision, or for longer than 5 s', {
  timeout: 1_200_000,
}, async () => {
  const stand = await Stand.open({ station: gridStation(4711), site: gridSite });
  onTestFinished(() => stand.close());
  const run = await PowerRun.begin(stand);
  await pileIsDeaf(run, 'K5', ['K1', 'K2', 'K4', 'K7']);
  await everybodyComes(run);
  await houseSwitchesOn(run);
  await pileFallsSilent(run, 'H3');
  await lineIsUnplugged(run, 'rtu2', ['H5', 'H6', 'H7', 'H8']);
  await meterIsSilent(run);
  await meterIsFrozen(run);
  await edgeIsKilled(run);
  await carsComeAndGo(run, ['A1', 'K2', 'H1', 'K9', 'D2'], 3);
  const story = await run.end();
  const judged = judgeRun(stand, story, gridShape);
  expect(judged.complaints).toEqual([]);
  // A pile that does not follow has been stopped: no car pays for it with a tripped breaker.
  expect(stand.cdrs().find(({ pileId }) => pileId === 'K5')?.faultCode).toEqual(expect.any(String));
  const { made, wrong } = madeAgain(story.log, networkOfEdge(stand), TURN_MINUTES * 60_000);
  expect(wrong).toEqual([]);
  expect(made).toBeGreaterThan(5);
  // The house has passed the limit with what ran, and everybody has been billed: there was something to judge.
  expect(judged.maxOvershootA).toBeGreaterThan(5);
  expect(judged.recordedWh).toBeGreaterThan(5000);
});

/** The network as the edge has it, from the site's file. */
function networkOfEdge(stand: Stand): Network {
  const site = loadSite(join(stand.folder, 'site.json'));
  return networkOf(site, devicesOf(site, loadProfiles(packagedProfiles)));
}
