import type { Phases } from '../faults/state-effects.ts';
import type { HouseLoad, HouseLoadSettings } from './house-load.ts';
import type { NetworkNodeSettings } from './network-settings.ts';
import { countOvershoot, NO_OVERSHOOT, type Overshoot } from './overshoot.ts';

/** Nominal voltage of each phase of a site's network in V. */
export const NETWORK_VOLTAGE_V = 230;
const MS_PER_HOUR = 3_600_000;

/** What physically flowed and flows through one phase of one node, in A. */
export interface PhaseTruth {
  readonly currentA: number;
  /** Of it, other loads than piles, of this node and of those below. */
  readonly houseA: number;
  /** What the registers of all piles below let them take. */
  readonly allowedA: number;
  readonly maxA: number;
  readonly overshoot: Overshoot;
}

/** The truth about one node. */
export interface NodeTruth {
  readonly nodeId: string;
  readonly parent: string | null;
  readonly limitA: number | null;
  readonly phases: Phases<PhaseTruth>;
  readonly powerW: number;
  /** Since the process started. */
  readonly energyWh: number;
  readonly loads: readonly HouseLoadSettings[];
}

/** Sums of what hangs on one node and below it, by phase. */
export interface NodeSums {
  readonly pilesA: Phases<number>;
  readonly houseA: Phases<number>;
  readonly allowedA: Phases<number>;
}

/** One node, as its network moves it. */
export interface NetworkNode {
  readonly settings: NetworkNodeSettings;
  limitA: number | undefined;
  readonly loads: Map<string, HouseLoad>;
  sums: NodeSums;
  maxA: Phases<number>;
  overshoot: Phases<Overshoot>;
  energyWh: number;
}

export const ZERO: Phases<number> = [0, 0, 0];

/** A node that has carried nothing. */
export function newNode(settings: NetworkNodeSettings): NetworkNode {
  return {
    settings,
    limitA: settings.limitA,
    loads: new Map(),
    sums: { pilesA: ZERO, houseA: ZERO, allowedA: ZERO },
    maxA: ZERO,
    overshoot: [NO_OVERSHOOT, NO_OVERSHOOT, NO_OVERSHOOT],
    energyWh: 0,
  };
}

/** Phase by phase. */
export function added(all: readonly Phases<number>[]): Phases<number> {
  return all.reduce(([a, b, c], [l1, l2, l3]) => [a + l1, b + l2, c + l3], ZERO);
}

/** What flows through the node at present, in A. */
export const currentsOf = ({ sums }: NetworkNode): Phases<number> => added([sums.pilesA, sums.houseA]);

/** The present sums flowed from `fromMs` to `toMs`. */
export function countTime(node: NetworkNode, fromMs: number, toMs: number): void {
  const currentsA = currentsOf(node);
  node.energyWh += (powerOf(currentsA) * (toMs - fromMs)) / MS_PER_HOUR;
  const { limitA } = node;
  const at = (phase: 0 | 1 | 2): Overshoot =>
    limitA === undefined
      ? node.overshoot[phase]
      : countOvershoot(
          node.overshoot[phase],
          { currentA: currentsA[phase], houseA: node.sums.houseA[phase], limitA },
          { fromMs, toMs },
        );
  node.overshoot = [at(0), at(1), at(2)];
}

/** Other currents flow from now on. */
export function setSums(node: NetworkNode, sums: NodeSums): void {
  node.sums = sums;
  const [l1, l2, l3] = currentsOf(node);
  node.maxA = [Math.max(node.maxA[0], l1), Math.max(node.maxA[1], l2), Math.max(node.maxA[2], l3)];
}

export const powerOf = (currentsA: Phases<number>): number =>
  currentsA.reduce((watt, currentA) => watt + currentA * NETWORK_VOLTAGE_V, 0);

/** The truth about a node at its present instant. */
export function nodeTruth(node: NetworkNode): NodeTruth {
  const currentsA = currentsOf(node);
  const at = (phase: 0 | 1 | 2): PhaseTruth => ({
    currentA: currentsA[phase],
    houseA: node.sums.houseA[phase],
    allowedA: node.sums.allowedA[phase],
    maxA: node.maxA[phase],
    overshoot: node.overshoot[phase],
  });
  return {
    nodeId: node.settings.nodeId,
    parent: node.settings.parent ?? null,
    limitA: node.limitA ?? null,
    phases: [at(0), at(1), at(2)],
    powerW: powerOf(currentsA),
    energyWh: node.energyWh,
    loads: [...node.loads.values()].map(({ settings }) => settings),
  };
}
