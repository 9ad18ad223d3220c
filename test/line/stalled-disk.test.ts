import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { outcomeOf } from '../../edge/bus/testing.ts';
import { NO_EFFECTS } from '../../hardware-sim/line/wire-damage.ts';
import { openRealWire, productionLine, serialConfig, sleep } from './real-lines.ts';
import { slaveOf, tellingDevice, wordsAt } from './simulated-line.ts';

/** More than the threads that the runtime has for files: 4 unless it is told otherwise. */
const STALLED_CALLS = 8;
const timing = { gapMs: 0, responseTimeoutMs: 2000, slowestReplyMs: 3000 };
const settings = { transport: 'serial', baud: 115_200, turnaroundMs: 2 } as const;

/** Calls to a file system that does not answer: opening a pipe that nobody else opens waits without end. */
function stallFiles(): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-stall-'));
  const pipes = Array.from({ length: STALLED_CALLS }, (_, i) => join(folder, `pipe${i}`));
  execFileSync('mkfifo', pipes);
  const stalled = pipes.map((pipe) => open(pipe, 'r'));
  return async () => {
    const ends = pipes.map((pipe) => openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK));
    await Promise.all(stalled.map(async (opening) => (await opening).close()));
    for (const end of ends) closeSync(end);
    rmSync(folder, { recursive: true });
  };
}

test('ED-04 a file system that does not answer keeps nothing from a serial line', { timeout: 30_000 }, async () => {
  const wire = await openRealWire(
    settings,
    slaveOf(new Map([[1, tellingDevice(1)]]), () => NO_EFFECTS),
  );
  if (wire.address.transport !== 'serial') throw new TypeError(wire.address.transport);
  const { line, modbus } = productionLine(serialConfig(wire.address.path, 115_200));
  onTestFinished(async () => {
    await line.close();
    await wire.close();
  });
  const read = () =>
    outcomeOf(modbus.request({ unit: 1, priority: 'poll', request: { fc: 3, address: 7, count: 4 }, timing }));
  expect(await read()).toBe(wordsAt(1, 3, 7, 4));

  const recover = stallFiles();
  await sleep(50);
  const answers = [await read(), await read(), await read()];
  await recover();
  expect(answers).toEqual(Array.from({ length: 3 }, () => wordsAt(1, 3, 7, 4)));
});
