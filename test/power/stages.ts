import { pass } from '../stand/stand.ts';
import type { PowerRun } from './power-run.ts';

/**
 * What may happen to a site, one thing after the other. Each leaves the site as it found it, with every charge running, and
 * is a stage of its own in the run's story.
 */

const SETTLE_MS = 15_000;
/** A grid meter that was lost has to be good for 30 s. */
const METER_BACK_MS = 35_000;
/** Longer than the watchdogs of the boxes on serial lines wait. */
const PAST_WATCHDOG_MS = 25_000;

/** Everybody comes at once. */
export async function everybodyComes(run: PowerRun): Promise<void> {
  await run.stage('everybody comes', async () => {
    await run.charge(run.stand.pileIds);
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
  await run.stage('the grid meter is silent', async () => {
    const fault = await run.stand.station.fault('meters/GRID', { kind: 'silence' });
    await pass(10_000);
    await run.oven(60);
    await pass(15_000);
    await run.oven(0);
    await run.stand.station.clear(fault);
  });
  await run.stage('the grid meter speaks again', () => pass(METER_BACK_MS));
}

/** The grid meter repeats one reading, and while it does the house takes more. */
export async function meterIsFrozen(run: PowerRun): Promise<void> {
  await run.stage('the grid meter is frozen', async () => {
    const fault = await run.stand.station.fault('meters/GRID', { kind: 'frozen-meter' });
    await pass(15_000);
    await run.oven(60);
    await pass(15_000);
    await run.oven(0);
    await run.stand.station.clear(fault);
  });
  await run.stage('the grid meter thaws', () => pass(SETTLE_MS));
}

/** A pile acknowledges a lower limit and does not follow it. */
export async function pileIsDeaf(run: PowerRun, pileId: string): Promise<void> {
  run.disturb(pileId);
  await run.stage(`${pileId} is deaf`, async () => {
    const fault = await run.stand.station.fault(`piles/${pileId}`, { kind: 'ignore-writes' });
    await run.oven(50);
    await pass(25_000);
    await run.oven(0);
    await run.stand.station.clear(fault);
    await pass(8000);
  });
  await run.stage(`${pileId} charges again`, () => run.chargeAgain());
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

/** For longer than a turn there is not enough for all. */
export async function siteIsCrowded(run: PowerRun, lastsMs: number): Promise<void> {
  await run.stage('the site is crowded', async () => {
    await run.oven(90);
    await pass(lastsMs);
    await run.oven(0);
  });
}
