import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess } from './start-process.ts';

const MAIN = join(import.meta.dirname, '../../hardware-sim/main.ts');

export interface SerialStation {
  readonly baud: 9600 | 19_200 | 115_200;
  readonly units: number;
  readonly turnaroundMs: number;
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
  const child = await startProcess([MAIN, '--station', station]);
  return {
    path,
    async stop() {
      await child.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
