import { expect, test } from 'vitest';
import type { DeviceTiming } from '../../edge/bus/exchange.ts';
import type { ModbusPort } from '../../edge/bus/modbus-master.ts';
import { NO_EFFECTS } from '../../hardware-sim/line/wire-damage.ts';
import { configOf, openRealWire, productionLine, sleep } from './real-lines.ts';
import { simulatedLine, slaveOf, tellingDevice } from './simulated-line.ts';

const UNITS = [1, 2, 3, 4, 5, 6, 7, 8];
const DEAD = 5;
const SPARED_PAUSE_MS = 100;
const settings = { transport: 'serial', baud: 19_200, turnaroundMs: 20 } as const;

/** Eight units on one line, the dead one silent on demand. */
function eightUnits() {
  const state = { isDead: false };
  const devices = new Map(UNITS.map((unit) => [unit, tellingDevice(unit)]));
  const slave = slaveOf(devices, (unit) => ({ ...NO_EFFECTS, silent: unit === DEAD && state.isDead }));
  return { state, slave };
}

/** Polls every unit as fast as the line allows, and counts what is answered. */
function saturate(modbus: ModbusPort, timing: DeviceTiming, pause: (ms: number) => Promise<void>) {
  const answered = new Map(UNITS.map((unit) => [unit, 0]));
  let isOver = false;
  const poll = async (unit: number): Promise<void> => {
    while (!isOver) {
      try {
        await modbus.request({ unit, priority: 'poll', request: { fc: 3, address: 0, count: 10 }, timing });
        answered.set(unit, (answered.get(unit) ?? 0) + 1);
      } catch {
        await pause(SPARED_PAUSE_MS);
      }
    }
  };
  const polls = UNITS.map(poll);
  return {
    /** Answers of the living ones since the last look. */
    living: () => UNITS.filter((unit) => unit !== DEAD).reduce((sum, unit) => sum + (answered.get(unit) ?? 0), 0),
    dead: () => answered.get(DEAD) ?? 0,
    end: () => {
      isOver = true;
      return Promise.all(polls);
    },
  };
}

test.each([300, 800, 1000])(
  'ED-04 one dead unit of eight costs the others less than 5 percent of their polls, with a slowest reply of %i ms',
  async (slowestReplyMs) => {
    const { state, slave } = eightUnits();
    const { line, modbus, time } = simulatedLine(settings, slave);
    const timing = { gapMs: 0, responseTimeoutMs: 300, slowestReplyMs };
    const counts = saturate(modbus, timing, (ms) => new Promise<void>((resolve) => time.after(ms, resolve)));
    const livingIn = async (ms: number): Promise<number> => {
      const before = counts.living();
      await time.pass(ms);
      return counts.living() - before;
    };
    await livingIn(5000);
    const aliveAll = await livingIn(60_000);
    state.isDead = true;
    // Three failures, then it is known to be silent.
    await livingIn(10_000);
    const aliveOthers = await livingIn(300_000);
    // Seven share what eight had: without loss they would have 8/7 of it each.
    const share = aliveOthers / 5 / aliveAll;
    expect(share).toBeGreaterThan(0.95 * (8 / 7));

    state.isDead = false;
    const deadBefore = counts.dead();
    const backFromMs = time.monoMs();
    while (counts.dead() === deadBefore && time.monoMs() - backFromMs < 60_000) await time.pass(50);
    expect(time.monoMs() - backFromMs).toBeLessThan(30_000);
    expect(await livingIn(60_000)).toBeGreaterThan(0.99 * aliveAll);
    await line.close();
    const ended = counts.end();
    await time.pass(1000);
    await ended;
  },
);

test('ED-04 one dead unit of eight on a real pseudo-terminal', { timeout: 60_000 }, async () => {
  const { state, slave } = eightUnits();
  const fast = { ...settings, baud: 115_200, turnaroundMs: 5 } as const;
  const wire = await openRealWire(fast, slave);
  const { line, modbus } = productionLine(configOf(wire, 115_200));
  const counts = saturate(modbus, { gapMs: 0, responseTimeoutMs: 40, slowestReplyMs: 60 }, sleep);
  // The machine is shared, and what else it does only takes away: the best of ten looks shows what the line can carry.
  const best = async (): Promise<number> => {
    let most = 0;
    for (let i = 0; i < 10; i += 1) {
      const [before, fromMs] = [counts.living(), performance.now()];
      await sleep(400);
      most = Math.max(most, (counts.living() - before) / (performance.now() - fromMs));
    }
    return most;
  };
  await sleep(500);
  const aliveAll = await best();
  state.isDead = true;
  await sleep(1000);
  const aliveOthers = await best();
  state.isDead = false;
  const deadBefore = counts.dead();
  await expect.poll(() => counts.dead() - deadBefore, { timeout: 30_000, interval: 50 }).toBeGreaterThan(0);
  await line.close();
  await counts.end();
  await wire.close();
  // Their share of the line has grown.
  expect(aliveOthers / aliveAll).toBeGreaterThan(0.95);
});
