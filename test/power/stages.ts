import type { LogLine } from '../stand/edge-process.ts';
import { pass, until } from '../stand/stand.ts';
import type { PowerRun } from './power-run.ts';

/**
 * What may happen to a site, one thing after the other. Each leaves the site as it found it, with every charge running, and
 * is a stage of its own in the run's story.
 */

const SETTLE_MS = 15_000;
/** A decision, its writes on a slow line, and the slowest car. */
const LOWERED_WITHIN_MS = 10_000;
/** A device that was silent is asked again from minute to minute, and a grid meter that was lost has to be good for 30 s. */
const METER_BACK_WITHIN_MS = 150_000;
/** A frozen one is found out when its energy should have moved. */
const METER_LOST_WITHIN_MS = 40_000;
/** Longer than the watchdogs of the boxes on serial lines wait. */
const PAST_WATCHDOG_MS = 25_000;

/** Everybody comes at once. */
export async function everybodyComes(run: PowerRun): Promise<void> {
  await run.stage('everybody comes', async () => {
    await run.chargeAgain();
    await pass(SETTLE_MS);
  });
}

/** The house takes so much that not all can have the least current. */
export async function houseSwitchesOn(run: PowerRun, lastsMs = 25_000): Promise<void> {
  await run.stage('the house switches on', async () => {
    await run.oven(60);
    await pass(lastsMs);
  });
  await run.stage('the house switches off', async () => {
    await run.oven(0);
    await pass(SETTLE_MS);
  });
}

/** A pile hears nothing, and its charge ends by its own watchdog. */
export async function pileFallsSilent(run: PowerRun, pileId: string): Promise<void> {
  run.disturb(pileId);
  await run.stage(`${pileId} is silent`, async () => {
    const fault = await run.stand.station.fault(`piles/${pileId}`, { kind: 'silence' });
    await pass(PAST_WATCHDOG_MS);
    await run.stand.station.clear(fault);
    await pass(5000);
  });
  await run.stage(`${pileId} charges again`, () => run.chargeAgain());
}

/** A line with charges on it is unplugged for longer than their watchdogs wait. */
export async function lineIsUnplugged(run: PowerRun, lineId: string, pileIds: readonly string[]): Promise<void> {
  run.disturb(...pileIds);
  await run.stage(`${lineId} is unplugged`, async () => {
    await run.stand.station.unplug(lineId, PAST_WATCHDOG_MS);
    await pass(PAST_WATCHDOG_MS + 8000);
  });
  await run.stage(`${lineId} charges again`, () => run.chargeAgain());
}

/** The grid meter says nothing, and while it does the house takes more. */
export async function meterIsSilent(run: PowerRun): Promise<void> {
  await run.stage('the grid meter is silent', () => meterFails(run, 'silence'));
  await run.stage('the grid meter speaks again', () => meterIsBack(run));
}

/** The grid meter repeats one reading, and while it does the house takes more. */
export async function meterIsFrozen(run: PowerRun): Promise<void> {
  await run.stage('the grid meter is frozen', () => meterFails(run, 'frozen-meter'));
  await run.stage('the grid meter thaws', () => meterIsBack(run));
}

async function meterFails(run: PowerRun, kind: 'silence' | 'frozen-meter'): Promise<void> {
  const fault = await run.stand.station.fault('meters/GRID', { kind });
  await meterIsLost(run);
  await run.oven(60);
  await pass(SETTLE_MS);
  await run.oven(0);
  await run.stand.station.clear(fault);
}

/** The edge has found out, and those who get less have had their time to follow. */
async function meterIsLost(run: PowerRun): Promise<void> {
  const isAlarm = ({ msg, code }: LogLine) => msg === 'alarm is raised' && code === 'grid-meter-lost';
  await nextLine(run, 'the grid meter is found out', METER_LOST_WITHIN_MS, isAlarm);
  await pass(LOWERED_WITHIN_MS);
}

const meterIsBack = (run: PowerRun): Promise<void> =>
  nextLine(
    run,
    'the grid meter is relied on again',
    METER_BACK_WITHIN_MS,
    ({ msg }) => msg === 'the grid meter can be relied on again',
  );

/** Waits for a line of log that comes from now on. */
async function nextLine(run: PowerRun, what: string, withinMs: number, is: (line: LogLine) => boolean): Promise<void> {
  const { log } = run.stand.edge;
  const from = log.length;
  await until(what, withinMs, () => log.slice(from).some(is));
}

/**
 * Of a few that share a feeder, one acknowledges lower limits and does not follow. The others, of whom the slowest begins to
 * follow after 1.4 s, have enough to give up in its place.
 */
export async function pileIsDeaf(run: PowerRun, pileId: string, others: readonly string[]): Promise<void> {
  run.disturb(pileId, ...others);
  await run.stage('a few come', async () => {
    await run.charge([pileId, ...others]);
    await pass(SETTLE_MS);
  });
  await run.stage(`${pileId} is deaf`, async () => {
    const fault = await run.stand.station.fault(`piles/${pileId}`, { kind: 'ignore-writes' });
    await run.oven(80);
    await pass(25_000);
    await run.oven(0);
    await run.stand.station.clear(fault);
    await pass(8000);
  });
  await run.stage(`${pileId} charges again`, () => run.chargeAgain(others.concat(pileId)));
}

/** The edge is killed: once it is back at once, once after the watchdogs of the piles. */
export async function edgeIsKilled(run: PowerRun): Promise<void> {
  await run.stage('the edge is killed', async () => {
    await run.kill(0);
    await pass(SETTLE_MS);
  });
  run.disturb(...run.stand.pileIds);
  await run.stage('the edge is away for long', async () => {
    await run.kill(35_000);
    await pass(SETTLE_MS);
  });
  await run.stage('all charge again', () => run.chargeAgain());
}

/** Cars leave and others come, while the house takes what it wants. */
export async function carsComeAndGo(run: PowerRun, pileIds: readonly string[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    await run.stage(`cars leave, ${round + 1}`, async () => {
      await run.leave(pileIds);
      await run.oven(round % 2 === 0 ? 30 : 0);
    });
    await run.stage(`cars come, ${round + 1}`, async () => {
      await run.charge(pileIds);
      await pass(5000);
    });
  }
  await run.oven(0);
}
