import type { NetworkChange } from '../../hardware-sim/network/changes.ts';

/** Per phase, L1 to L3, in A. */
type Currents = readonly [number, number, number];

/** Where things hang: a pile or a node by the nodes that feed it, itself included, and what these carry. */
export interface GridShape {
  nodesAbove(name: string): readonly string[];
  readonly limitsA: ReadonlyMap<string, number>;
}

/** A pile was allowed more, and with that all piles together and the house may take more than a node carries. */
export interface BadRaise {
  readonly monoMs: number;
  readonly pileId: string;
  readonly fromA: Currents;
  readonly toA: Currents;
  readonly nodeId: string;
  readonly phase: 'L1' | 'L2' | 'L3';
  /** What all registers below the node allow after it, and the least that the house took just before. */
  readonly allowedA: number;
  readonly houseA: number;
  readonly limitA: number;
}

/** A decision is made on a reading of the grid meter that is so old at most when its write arrives. */
const DECIDED_WITHIN_MS = 4000;
/** Of a house load, moves of less than 0.5 A are not on the record; of two nodes, twice as much. */
const TOLERANCE_A = 1;
const PHASES = ['L1', 'L2', 'L3'] as const;

/**
 * Every raise of what a pile's registers allow, with which all that is allowed below a node and the house together are
 * above its limit. The house is the least that it was while the decision could be made: that it grew after it is nobody's
 * decision.
 */
export function badRaises(changes: readonly NetworkChange[], shape: GridShape): BadRaise[] {
  const allowed = new Map<string, Currents>();
  const house: Extract<NetworkChange, { kind: 'house' }>[] = [];
  const found: BadRaise[] = [];
  for (const change of changes) {
    if (change.kind === 'house') {
      house.push(change);
      continue;
    }
    const { pileId, currentsA: toA, monoMs } = change;
    const fromA = allowed.get(pileId) ?? [0, 0, 0];
    allowed.set(pileId, toA);
    for (const [phase, name] of PHASES.entries()) {
      if ((toA[phase] ?? 0) <= (fromA[phase] ?? 0)) continue;
      for (const nodeId of shape.nodesAbove(pileId)) {
        const limitA = shape.limitsA.get(nodeId) ?? Number.POSITIVE_INFINITY;
        const allowedA = sumBelow(nodeId, phase, allowed, shape);
        const houseA = leastHouse(nodeId, phase, house, shape, monoMs);
        if (allowedA + houseA > limitA + TOLERANCE_A)
          found.push({ monoMs, pileId, fromA, toA, nodeId, phase: name, allowedA, houseA, limitA });
      }
    }
  }
  return found;
}

function sumBelow(nodeId: string, phase: number, allowed: ReadonlyMap<string, Currents>, shape: GridShape): number {
  let sumA = 0;
  for (const [pileId, currentsA] of allowed)
    if (shape.nodesAbove(pileId).includes(nodeId)) sumA += currentsA[phase] ?? 0;
  return sumA;
}

/** The sum over the nodes below of the least that each of them took in the time before. */
function leastHouse(
  nodeId: string,
  phase: number,
  house: readonly Extract<NetworkChange, { kind: 'house' }>[],
  shape: GridShape,
  nowMs: number,
): number {
  const least = new Map<string, number>();
  for (const change of house) {
    if (!shape.nodesAbove(change.nodeId).includes(nodeId)) continue;
    const currentA = change.currentsA[phase] ?? 0;
    const isBefore = change.monoMs < nowMs - DECIDED_WITHIN_MS;
    least.set(change.nodeId, isBefore ? currentA : Math.min(currentA, least.get(change.nodeId) ?? currentA));
  }
  return [...least.values()].reduce((sum, currentA) => sum + currentA, 0);
}
