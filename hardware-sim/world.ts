import { createFaultBoard, type FaultBoard, type FaultTarget } from './faults/board.ts';
import { seededRandom } from './faults/random.ts';
import { stateEffects } from './faults/state-effects.ts';
import { drawWireEffects } from './faults/wire-effects.ts';
import { zeroCounters } from './line/counters.ts';
import { createSlave, type Slave } from './line/slave.ts';
import { createPile, type Pile } from './piles/pile.ts';
import type { Station } from './station.ts';
import type { MonoClock } from './world/clock.ts';

/** A whole simulated station without its wires: piles, faults, and one slave per line. */
export interface StationWorld {
  readonly piles: ReadonlyMap<string, Pile>;
  readonly slaves: ReadonlyMap<string, Slave>;
  readonly faults: FaultBoard;
  /** Brings the physics of all piles up to the clock's present. */
  advance(): void;
}

/** Builds the piles and slaves of `station`. Nothing runs by itself: `advance` must be called every 50 ms or so. */
export function createWorld(station: Station, seed: number, clock: MonoClock): StationWorld {
  const faults = createFaultBoard(seededRandom(seed));
  const piles = new Map<string, Pile>();
  for (const settings of station.piles) {
    const effects = () => stateEffects(faults.stateFaults(`pile:${settings.pileId}`));
    piles.set(settings.pileId, createPile(settings, clock, effects));
  }
  const slaves = new Map<string, Slave>();
  for (const { lineId } of station.lines) slaves.set(lineId, slaveOf(station, lineId, piles, faults));
  const advance = (): void => {
    for (const pile of piles.values()) pile.advance();
  };
  return { piles, slaves, faults, advance };
}

function slaveOf(station: Station, lineId: string, piles: ReadonlyMap<string, Pile>, faults: FaultBoard): Slave {
  const devices = new Map<number, Pile>();
  for (const settings of station.piles) {
    const pile = piles.get(settings.pileId);
    if (settings.lineId === lineId && pile !== undefined) devices.set(settings.unit, pile);
  }
  return createSlave(devices, zeroCounters(devices.keys()), (unit, functionCode) => {
    const targets: FaultTarget[] = [`line:${lineId}`];
    const pile = devices.get(unit);
    if (pile !== undefined) targets.push(`pile:${pile.pileId}`);
    return drawWireEffects(faults, targets, functionCode);
  });
}
