import type { Demand } from './demand.ts';
import type { Network, Outlet, PerPhase, PowerNode } from './network.ts';

export const node = (nodeId: string, parent: number | null, limitMa: number | PerPhase): PowerNode => ({
  nodeId,
  parent,
  limitMa: typeof limitMa === 'number' ? [limitMa, limitMa, limitMa] : limitMa,
  bands: [],
});

/** A pile of three phases with 6 to 16 A below the supply. */
export const outlet = (connectorId: string, change: Partial<Outlet> = {}): Outlet => ({
  connectorId,
  path: [0],
  loads: [true, true, true],
  order: [0, 1, 2],
  minMa: 6000,
  maxMa: 16_000,
  stepMa: 100,
  canPause: true,
  priority: 0,
  drawPermille: 1000,
  fallback: { afterMs: 15_000, currentMa: 0 },
  ...change,
});

/** One supply, and so many piles. */
export const network = (limitMa: number | PerPhase, ...outlets: Outlet[]): Network => ({
  nodes: [node('site', null, limitMa)],
  outlets,
});

export const wanting = (connectorId: string, change: Partial<Demand> = {}): Demand => ({
  connectorId,
  wants: 'charge',
  maxMa: 16_000,
  mayTakeMa: 0,
  flowsMa: 0,
  inForceMa: 0,
  floorMa: 0,
  isStarting: false,
  isFound: false,
  ...change,
});

/** Has a charge that takes what it was granted, or this. */
export const charging = (connectorId: string, mayTakeMa: number, change: Partial<Demand> = {}): Demand =>
  wanting(connectorId, { mayTakeMa, flowsMa: mayTakeMa, inForceMa: mayTakeMa, ...change });

export const starting = (connectorId: string, change: Partial<Demand> = {}): Demand =>
  wanting(connectorId, { wants: 'start', ...change });
