import { rawLimit } from '../../edge/devices/registers.ts';
import type { Difference } from './difference.ts';
import type { PileCase } from './pile-cases.ts';
import { PointComparison } from './point-comparison.ts';
import { LIMIT_MA, phasesIn, type Situation, troubles } from './point-truth.ts';
import { PILE_ID } from './simulated-site.ts';

const DRAWS_ON = { kind: 'welded-contactor', vehicleKeepsDrawing: true, detectedByPile: false } as const;

/**
 * Takes a simulated pile through everything that can be seen of it, and reads every point by itself: address, function,
 * decoding and the state that follows from it are the profile's, what should be there is the simulator's.
 */
export async function differencesOf(one: PileCase): Promise<readonly Difference[]> {
  const comparison = new PointComparison(one);
  await compareFacts(one, comparison);
  await compareCharges(one, comparison);
  await compareTroubles(comparison);
  await compareCards(one, comparison);
  return [...comparison.found, ...(await differenceAtPowerOn(one))];
}

/** What no register tells and the profile states nevertheless, and the settings that are written and read apart. */
async function compareFacts({ profile }: PileCase, comparison: PointComparison): Promise<void> {
  const { site, attendant } = comparison;
  await attendant.tend(2000);
  const { watchdog } = site.truth();
  const told = profile.watchdog?.timeoutMs ?? 'no watchdog';
  const counted = watchdog.enabled ? watchdog.timeoutMs : 'no watchdog';
  if (told !== counted) comparison.note('watchdog.timeoutMs', told, counted);
  const endWh = site.world.piles.get(PILE_ID)?.meterRegister?.endWh ?? null;
  const { energy } = profile.measures;
  if (energy !== null && energy.rollsOverAtWh !== endWh)
    comparison.note('measures.energy.rollsOverAtWh', energy.rollsOverAtWh, endWh);

  const limit = profile.writes[profile.commands.start.find(({ value }) => value === 'limit')?.write ?? ''];
  if (limit === undefined) throw new Error(`${profile.profileId} starts without a limit`);
  const takesZero = await comparison.takes(limit, 0);
  if (takesZero !== (profile.zeroMeans !== 'refused'))
    comparison.note('zeroMeans', profile.zeroMeans, takesZero ? 'taken' : 'refused');

  let writtenMa = profile.limits.minCurrentMa;
  for (const [name, write] of Object.entries(profile.writes)) {
    const point = profile.points[name];
    if (point?.unit !== 'mA') continue;
    writtenMa += 1000;
    await comparison.takes(write, rawLimit(write, writtenMa, profile.limits.stepMa));
    const read = await comparison.readAlone(point);
    if (read !== writtenMa) comparison.note(`${name}, written and read`, writtenMa, read);
  }
  await site.during(site.driver.setUp());
}

async function compareCharges({ profile }: PileCase, comparison: PointComparison): Promise<void> {
  const { site, attendant } = comparison;
  await comparison.look('unplugged');
  site.vehicle({ plugged: true, maxCurrentA: 32, wantsCharge: false });
  await attendant.tend(2000);
  await comparison.look('plugged');
  for (const [situation, phases] of Object.entries(phasesIn) as [Situation, 1 | 2 | 3][]) {
    site.vehicle({ wantsCharge: true, phases });
    await attendant.start(LIMIT_MA);
    await comparison.look(situation);
    await attendant.stop('softStop');
  }
  await attendant.start(LIMIT_MA);
  site.vehicle({ wantsCharge: false });
  await attendant.tend(5000);
  await comparison.look('vehicle full');
  await attendant.start(profile.limits.maxCurrentMa);
  const mostMa = site.truth().effectiveLimitA * 1000;
  if (mostMa !== profile.limits.maxCurrentMa)
    comparison.note('limits.maxCurrentMa', profile.limits.maxCurrentMa, mostMa);
}

async function compareTroubles(comparison: PointComparison): Promise<void> {
  const { site, attendant } = comparison;
  site.vehicle({ wantsCharge: true });
  await attendant.start(LIMIT_MA);
  const part = site.fault(DRAWS_ON);
  await attendant.stop('softStop');
  await comparison.look('draws on through a weld');
  part();
  await attendant.stop('hardStop');
  site.vehicle({ plugged: false, wantsCharge: false });
  await attendant.tend(2000);
  await comparison.look('unplugged after a hard stop');
  site.vehicle({ plugged: true });
  await attendant.tend(2000);
  for (const [situation, fault] of Object.entries(troubles) as [Situation, Parameters<typeof site.fault>[0]][]) {
    const clear = site.fault(fault);
    await attendant.tend(3000);
    await comparison.look(situation);
    clear();
    await attendant.tend(8000);
  }
}

/** A card of four bytes, which every box that shows cards shows whole, and none. */
async function compareCards({ profile }: PileCase, comparison: PointComparison): Promise<void> {
  if (profile.measures.card === undefined) return;
  const { site } = comparison;
  for (const card of ['04A1B2C3', null]) {
    site.world.piles.get(PILE_ID)?.showCard(card);
    const told = await site.during(site.driver.readCard());
    if (told !== card) comparison.note('card', told, card);
  }
}

/** The limit that a box has by itself, before any controller has spoken, as its profile reads it. */
async function differenceAtPowerOn(one: PileCase): Promise<readonly Difference[]> {
  const { profile } = one;
  const comparison = new PointComparison(one, { startsPermitted: true });
  const point = profile.points[profile.measures.setpoint ?? ''];
  if (point === undefined) return [];
  await comparison.site.time.pass(2000);
  const says = await comparison.readAlone(point);
  const isMa = comparison.site.truth().effectiveLimitA * 1000;
  if (says !== isMa) comparison.note('setpoint, permitted at power-on', says, isMa);
  return comparison.found;
}
