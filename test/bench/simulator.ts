import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = join(import.meta.dirname, '../../hardware-sim/main.ts');

export interface SerialStation {
  readonly baud: 9600 | 19_200 | 115_200;
  readonly units: number;
  readonly turnaroundMs: number;
}

/** Starts a process that prints one line of JSON when it is ready. */
export async function startChild(args: readonly string[]): Promise<{ ready: unknown; stop: () => Promise<void> }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([
    once(lines, 'line'),
    exited.then(() => Promise.reject(new Error(`${args.join(' ')} ended`))),
  ]);
  return {
    ready: JSON.parse(String(line)),
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** The simulator in a process of its own, with one serial line and so many wall boxes on it. */
export async function startSimulator({ baud, units, turnaroundMs }: SerialStation) {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-bench-'));
  const path = join(folder, 'line');
  const line = { lineId: 'L1', transport: 'serial', baud, parity: 'even', stopBits: 1, turnaroundMs, path };
  const piles = Array.from({ length: units }, (_, i) => ({
    pileId: `P${i + 1}`,
    model: 'heidelberg-energy-control',
    lineId: 'L1',
    unit: i + 1,
    initialRegisterWh: 1000,
  }));
  const station = join(folder, 'station.json');
  writeFileSync(station, JSON.stringify({ stationId: 'bench', seed: 1, lines: [line], piles }));
  const child = await startChild([MAIN, '--station', station]);
  return {
    path,
    async stop() {
      await child.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
