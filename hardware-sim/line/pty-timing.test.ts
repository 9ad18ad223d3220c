import { once } from 'node:events';
import { SerialPort } from 'serialport';
import { expect, onTestFinished, test } from 'vitest';
import { zeroCounters } from './counters.ts';
import { lineService } from './line-service.ts';
import { openPtyLine } from './pty-line.ts';
import { processClock, processScheduler } from './real-time.ts';
import { encodeRtu } from './rtu.ts';
import { createSlave } from './slave.ts';
import { exchangeMs } from './timing.ts';
import { NO_EFFECTS } from './wire-damage.ts';

/** Unit 1 answers at once, unit 2 takes its own time, unit 3 that of the line. */
const OWN_TURNAROUND_MS: ReadonlyMap<number, number> = new Map([
  [1, 0],
  [2, 25],
]);
const LINE_TURNAROUND_MS = 12;
const REQUEST_BYTES = 8;
const replyBytes = (words: number): number => 5 + 2 * words;

const registers = {
  execute: (request: Uint8Array) => {
    const words = request[4] ?? 0;
    return { reply: Uint8Array.of(3, words * 2, ...new Uint8Array(words * 2)), kind: 'read' as const };
  },
};

async function openTimed(baud: number) {
  const devices = new Map([1, 2, 3].map((unit) => [unit, registers]));
  const slave = createSlave(devices, zeroCounters(devices.keys()), () => NO_EFFECTS, {
    turnaroundMsOf: (unit) => OWN_TURNAROUND_MS.get(unit),
  });
  const settings = { transport: 'serial', baud, turnaroundMs: LINE_TURNAROUND_MS } as const;
  const line = await openPtyLine({ lineId: 'L' }, lineService(settings, slave, processClock, processScheduler));
  onTestFinished(line.close);
  if (line.address.transport !== 'serial') throw new Error('not a serial line');
  const port = new SerialPort({ path: line.address.path, baudRate: baud, autoOpen: false });
  port.open();
  await once(port, 'open');
  onTestFinished(async () => {
    port.close();
    await once(port, 'close');
  });
  let heardBytes = 0;
  port.on('data', (chunk: Buffer) => {
    heardBytes += chunk.length;
  });
  return async (unit: number, words: number): Promise<number> => {
    heardBytes = 0;
    const request = encodeRtu(unit, Uint8Array.of(3, 0, 0, 0, words));
    const startMs = processClock.monoMs();
    port.write(Buffer.from(request));
    while (heardBytes < replyBytes(words)) await once(port, 'data');
    return processClock.monoMs() - startMs;
  };
}

interface Timed {
  /** Over the formula, as it was. */
  readonly excessMs: number;
  /** Over a plain timer of this process that was set for the same instant: what the machine itself was late is left out. */
  readonly ownMs: number;
}

/** Times `rounds` exchanges against the formula (MODBUS over serial line V1.02, 2.5.1.1). */
async function timeExchanges(
  exchange: (unit: number, words: number) => Promise<number>,
  baud: number,
  unit: number,
  words: number,
  rounds: number,
): Promise<Timed[]> {
  const turnaroundMs = OWN_TURNAROUND_MS.get(unit) ?? LINE_TURNAROUND_MS;
  const dueMs = exchangeMs(baud, REQUEST_BYTES, replyBytes(words), turnaroundMs);
  const found: Timed[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startMs = processClock.monoMs();
    const timer = new Promise<number>((resolve) => {
      processScheduler.at(startMs + dueMs, () => resolve(processClock.monoMs() - startMs));
    });
    const tookMs = await exchange(unit, words);
    found.push({ excessMs: tookMs - dueMs, ownMs: tookMs - (await timer) });
  }
  return found;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

// Unit 1 with one register: request time and silence. Units 2 and 3: turnaround per device. Sixty registers: reply time.
test.each([9600, 19200, 115_200])(
  'HS-01 at %i baud request, silence, turnaround and reply take their time',
  async (baud) => {
    const exchange = await openTimed(baud);
    await exchange(1, 1);
    for (const [unit, words] of [
      [1, 1],
      [2, 1],
      [3, 1],
      [1, 60],
    ] as const) {
      const found = await timeExchanges(exchange, baud, unit, words, 11);
      const excessMs = found.map((timed) => timed.excessMs);
      const ownMs = Math.min(...found.map((timed) => timed.ownMs));
      const what = `unit ${unit}, ${words} registers: median excess ${median(excessMs).toFixed(3)} ms`;
      expect(Math.min(...excessMs), what).toBeGreaterThanOrEqual(0);
      expect(ownMs, what).toBeLessThan(6);
    }
  },
);

// What a busy machine adds is not the line's doing: the quickest exchange shows the line's own pace. All of them are exact in
// simulated time (memory-line.test.ts).
test('HS-01 at 9600 baud sixty-register reads come within 1 % of the formula, and never before it', async ({
  annotate,
}) => {
  const exchange = await openTimed(9600);
  await exchange(2, 60);
  const excessMs = (await timeExchanges(exchange, 9600, 2, 60, 24)).map((timed) => timed.excessMs);
  const dueMs = exchangeMs(9600, REQUEST_BYTES, replyBytes(60), 25);
  const quickestMs = Math.min(...excessMs);
  const middle = `mean ${mean(excessMs).toFixed(3)}, median ${median(excessMs).toFixed(3)}`;
  await annotate(`of ${dueMs.toFixed(1)} ms, excess: quickest ${quickestMs.toFixed(3)}, ${middle}`);
  expect(quickestMs).toBeGreaterThanOrEqual(0);
  expect(quickestMs).toBeLessThan(dueMs * 0.01);
});
