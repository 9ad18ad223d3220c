import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { FAULT_SCHEMAS, setFault, type TargetKind } from '../../hardware-sim/control/set-fault.ts';
import type { FaultTarget } from '../../hardware-sim/faults/board.ts';
import { openStationLine, type StationLine } from '../../hardware-sim/line/open-station-line.ts';
import { processClock, processScheduler } from '../../hardware-sim/line/real-time.ts';
import { SLICE_MS } from '../../hardware-sim/piles/pile.ts';
import type { PileTruth } from '../../hardware-sim/piles/truth.ts';
import { stationSchema } from '../../hardware-sim/station.ts';
import { createWorld, type StationWorld } from '../../hardware-sim/world.ts';

const SEED = 4711;

type StationInput = z.input<typeof stationSchema>;
/** A serial line needs no path here: it gets one that leads to its present pseudo-terminal. */
export type StationShape = Pick<StationInput, 'lines'> &
  Partial<Pick<StationInput, 'piles' | 'meters' | 'locks' | 'io'>>;

/** A fault as a scenario or a call would write it. */
export type FaultInput = z.input<(typeof FAULT_SCHEMAS)[TargetKind]>;

/** A simulated station in this process, on real pseudo-terminals and sockets, in real time. */
export interface Station {
  readonly world: StationWorld;
  readonly lines: ReadonlyMap<string, StationLine>;
  truth(pileId: string): PileTruth;
  /** Switches a fault on and returns its id. Throws when it does not fit its target. */
  fault(target: FaultTarget, fault: FaultInput): string;
  clear(faultId: string): void;
  close(): Promise<void>;
}

export async function openStation({
  lines: lineInputs,
  piles = [],
  meters,
  locks,
  io,
}: StationShape): Promise<Station> {
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-faults-'));
  const lines = lineInputs.map((line) =>
    line.transport === 'serial' ? { ...line, path: join(folder, line.lineId) } : line,
  );
  const station = stationSchema.parse({ stationId: 'faults', seed: SEED, lines, piles, meters, locks, io });
  const world = createWorld(station, SEED, processClock);
  const open = new Map<string, StationLine>();
  for (const settings of station.lines) {
    const slave = world.slaves.get(settings.lineId);
    if (slave === undefined) throw new TypeError(`no line ${settings.lineId}`);
    const onError = (error: unknown): void => {
      throw error;
    };
    const deps = { slave, faults: world.faults, clock: processClock, scheduler: processScheduler, onError };
    open.set(settings.lineId, await openStationLine(settings, deps));
  }
  const stopTicking = processScheduler.every(SLICE_MS, world.advance);
  return {
    world,
    lines: open,
    truth: (pileId) => present(world.piles.get(pileId), pileId).truth(),
    fault(target, fault) {
      const [kind] = target.split(':') as [TargetKind];
      const set = setFault(world, target, FAULT_SCHEMAS[kind].parse(fault));
      if (!set.ok) throw new Error(set.reason);
      return set.value;
    },
    clear(faultId) {
      world.advance();
      world.faults.remove(faultId);
    },
    async close() {
      stopTicking();
      await Promise.all([...open.values()].map((line) => line.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What must be there. */
export function present<Thing>(thing: Thing | undefined, name: string): Thing {
  if (thing === undefined) throw new TypeError(`there is no ${name}`);
  return thing;
}
