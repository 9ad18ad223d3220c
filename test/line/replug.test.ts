import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { outcomeOf } from '../../edge/bus/testing.ts';
import { NO_EFFECTS } from '../../hardware-sim/line/wire-damage.ts';
import { openRealWire, productionLine, serialConfig, sleep } from './real-lines.ts';
import { slaveOf, tellingDevice, wordsAt } from './simulated-line.ts';

const LINES = 5;
const REPLUGS_EACH = 20;
const POLL_MS = 100;
const SILENT_MS = 5;
const timing = { gapMs: 0, responseTimeoutMs: 300, slowestReplyMs: 800 };
const settings = { transport: 'serial', baud: 115_200, turnaroundMs: 2 } as const;

/** Descriptors, timers and handles of this process. */
const held = () => ({
  descriptors: readdirSync('/proc/self/fd').length,
  resources: process.getActiveResourcesInfo().filter((kind) => kind !== 'Immediate' && kind !== 'Timeout').length,
});

/** Pulls and replugs one adapter again and again; returns how long polls were away each time, in ms. */
async function replug(path: string): Promise<number[]> {
  const slave = slaveOf(new Map([[1, tellingDevice(1)]]), () => NO_EFFECTS);
  const wire = await openRealWire(settings, slave, path);
  const { line, modbus } = productionLine(serialConfig(path, 115_200));
  const read = () =>
    outcomeOf(modbus.request({ unit: 1, priority: 'poll', request: { fc: 3, address: 7, count: 4 }, timing }));
  const expected = wordsAt(1, 3, 7, 4);
  expect(await read()).toBe(expected);
  const awayMs: number[] = [];
  for (let i = 0; i < REPLUGS_EACH; i += 1) {
    // In the middle of a request each second time: after a silence it goes out at once.
    await sleep(SILENT_MS);
    const pending = i % 2 === 0 ? read() : null;
    await wire.unplug();
    if (pending !== null) expect(['closed', expected]).toContain(await pending);
    expect(['closed', 'unreachable']).toContain(await read());
    await wire.plug();
    const pluggedMs = performance.now();
    while ((await read()) !== expected) await sleep(POLL_MS);
    awayMs.push(performance.now() - pluggedMs);
  }
  expect(line.counters.opened).toBe(REPLUGS_EACH + 1);
  await line.close();
  await wire.close();
  return awayMs;
}

test('ED-04 an adapter pulled a hundred times is back within 3 s each time, and leaves nothing behind', {
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-replug-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  // The first line loads what stays: the native bindings and their threads.
  const warnings: string[] = [];
  const onWarning = (warning: Error) => warnings.push(warning.message);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  const first = await openRealWire(
    settings,
    slaveOf(new Map(), () => NO_EFFECTS),
    join(folder, 'first'),
  );
  await first.close();

  const before = held();
  const awayMs = (
    await Promise.all(Array.from({ length: LINES }, (_, i) => replug(join(folder, `adapter${i}`))))
  ).flat();
  expect(awayMs).toHaveLength(LINES * REPLUGS_EACH);
  expect(Math.max(...awayMs)).toBeLessThan(3000);
  await expect.poll(held).toEqual(before);
  // A leak of listeners is told by a warning.
  expect(warnings).toEqual([]);
});
