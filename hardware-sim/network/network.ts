import { seededRandom } from '../faults/random.ts';
import type { Phases } from '../faults/state-effects.ts';
import type { Supply } from '../meters/supply.ts';
import type { MonoClock } from '../world/clock.ts';
import { createStepper, type Slice } from '../world/stepper.ts';
import { type ChangeLog, createChangeLog } from './changes.ts';
import { createHouseLoad, type HouseLoadSettings } from './house-load.ts';
import type { NetworkPhase, NetworkSettings } from './network-settings.ts';
import {
  added,
  countTime,
  currentsOf,
  NETWORK_VOLTAGE_V,
  type NetworkNode,
  type NodeTruth,
  newNode,
  nodeTruth,
  powerOf,
  setSums,
  ZERO,
} from './node.ts';
import { type DrawListener, onNetwork, type PileDraw } from './pile-draw.ts';

/** Loads move in slices of this length. */
const SLICE_MS = 50;

/** The electrical network of a site: what all piles and other loads take together, phase by phase. */
export interface Network {
  /** What a pile's own terminals are wired to; `undefined` when it hangs on no node. */
  wiringOf(pileId: string): readonly NetworkPhase[] | undefined;
  /** Hears what a pile takes, slice by slice. The piles must have been advanced before the network is asked. */
  listener(pileId: string): DrawListener;
  advance(): void;
  /** What comes through a node, as a meter there sees it; `undefined` when there is no such node. */
  supply(nodeId: string): (() => Supply) | undefined;
  /** Puts a load on a node, in place of the one of that name. False when there is no such node. */
  setLoad(nodeId: string, load: HouseLoadSettings): boolean;
  /** Another limit from now on. False when there is no such node. */
  setLimit(nodeId: string, limitA: number): boolean;
  truth(): readonly NodeTruth[];
  readonly changes: Pick<ChangeLog, 'since'>;
}

interface Sample extends PileDraw {
  readonly monoMs: number;
  readonly pileId: string;
}

/**
 * Builds the network of a station. `advancePiles` brings the physics of all of them up to the present. What each of them
 * told of its slices is put in order of time, so the sums are right at every instant, also when the process was late.
 */
export function createNetwork(
  { nodes: settings }: NetworkSettings,
  clock: MonoClock,
  seed: number,
  advancePiles: () => void,
): Network {
  const nodes = new Map<string, NetworkNode>(settings.map((one) => [one.nodeId, newNode(one)]));
  const wiring = new Map(settings.flatMap(({ piles }) => piles.map(({ pileId, phases }) => [pileId, phases] as const)));
  const below = new Map(settings.map(({ nodeId }) => [nodeId, namesBelow(settings, nodeId)]));
  const draws = new Map<string, PileDraw>();
  const houseA = new Map<string, Phases<number>>();
  const waiting: Sample[] = [];
  const log = createChangeLog();
  let reachedMs = clock.monoMs();
  let loadsMade = 0;
  const putLoad = ({ loads }: NetworkNode, load: HouseLoadSettings): void => {
    loadsMade += 1;
    loads.set(load.loadId, createHouseLoad(load, reachedMs, seededRandom(seed + loadsMade)));
  };
  for (const node of nodes.values()) for (const load of node.settings.loads) putLoad(node, load);

  const countTo = (toMs: number): void => {
    const untilMs = Math.max(toMs, reachedMs);
    for (const node of nodes.values()) countTime(node, reachedMs, untilMs);
    reachedMs = untilMs;
  };
  const sumUp = (): void => {
    for (const [nodeId, names] of below) {
      const node = nodes.get(nodeId);
      if (node === undefined) continue;
      const taken = names.pileIds.flatMap((pileId) => draws.get(pileId) ?? []);
      const house = names.nodeIds.map((name) => houseA.get(name) ?? ZERO);
      setSums(node, {
        pilesA: added(taken.map(({ currentsA }) => currentsA)),
        allowedA: added(taken.map(({ allowedA }) => allowedA)),
        houseA: added(house),
      });
    }
  };
  const moveLoads = (nowMs: number): void => {
    for (const [nodeId, { loads }] of nodes) {
      const currentsA = added([...loads.values()].map((load) => load.currentsAt(nowMs)));
      houseA.set(nodeId, currentsA);
      log.note({ kind: 'house', nodeId, monoMs: nowMs, currentsA });
    }
  };
  const take = ({ pileId, monoMs, currentsA, allowedA }: Sample): void => {
    draws.set(pileId, { currentsA, allowedA });
    log.note({ kind: 'allowed', pileId, monoMs, currentsA: allowedA });
  };
  const step = ({ nowMs }: Slice): void => {
    const due = waiting.filter(({ monoMs }) => monoMs <= nowMs).sort((a, b) => a.monoMs - b.monoMs);
    waiting.splice(0, waiting.length, ...waiting.filter(({ monoMs }) => monoMs > nowMs));
    for (const [index, sample] of due.entries()) {
      countTo(sample.monoMs);
      take(sample);
      if (due[index + 1]?.monoMs !== sample.monoMs) sumUp();
    }
    countTo(nowMs);
    moveLoads(nowMs);
    sumUp();
  };
  const stepTo = createStepper(clock, SLICE_MS, step);
  const advance = (): void => {
    advancePiles();
    stepTo();
  };
  const onNode = (nodeId: string, change: (node: NetworkNode) => void): boolean => {
    const node = nodes.get(nodeId);
    if (node === undefined) return false;
    advance();
    change(node);
    moveLoads(reachedMs);
    sumUp();
    return true;
  };
  moveLoads(reachedMs);
  sumUp();

  return {
    wiringOf: (pileId) => wiring.get(pileId),
    listener: (pileId) => {
      const phases = wiring.get(pileId) ?? [];
      return (monoMs, { currentsA, allowedA }) => {
        const last = draws.get(pileId);
        const isWaiting = waiting.some((sample) => sample.pileId === pileId);
        const draw = { currentsA: onNetwork(currentsA, phases), allowedA: onNetwork(allowedA, phases) };
        if (!isWaiting && last !== undefined && isSame(last, draw)) return;
        waiting.push({ pileId, monoMs, ...draw });
      };
    },
    advance,
    supply: (nodeId) => {
      const node = nodes.get(nodeId);
      if (node === undefined) return undefined;
      return () => {
        advance();
        const currentsA = currentsOf(node);
        return { energyWh: node.energyWh, powerW: powerOf(currentsA), currentsA, voltageV: NETWORK_VOLTAGE_V };
      };
    },
    setLoad: (nodeId, load) => onNode(nodeId, (node) => putLoad(node, load)),
    setLimit: (nodeId, limitA) =>
      onNode(nodeId, (node) => {
        node.limitA = limitA;
      }),
    truth: () => {
      advance();
      return [...nodes.values()].map(nodeTruth);
    },
    changes: {
      since: (from) => {
        advance();
        return log.since(from);
      },
    },
  };
}

const isSame = (a: PileDraw, b: PileDraw): boolean =>
  [0, 1, 2].every((phase) => a.currentsA[phase] === b.currentsA[phase] && a.allowedA[phase] === b.allowedA[phase]);

/** The node itself and all below it, and the piles that hang there. */
function namesBelow(nodes: NetworkSettings['nodes'], nodeId: string): { nodeIds: string[]; pileIds: string[] } {
  const nodeIds = [nodeId];
  for (const { nodeId: name, parent } of nodes)
    if (parent !== undefined && nodeIds.includes(parent)) nodeIds.push(name);
  const pileIds = nodes.filter((one) => nodeIds.includes(one.nodeId)).flatMap(({ piles }) => piles);
  return { nodeIds, pileIds: pileIds.map(({ pileId }) => pileId) };
}
