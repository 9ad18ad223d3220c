import type { ConnectorState } from '../control/connector.ts';
import { allocate } from './allocate.ts';
import type { Demand, Grant, Shares } from './demand.ts';
import {
  freshGrid,
  type GridLook,
  type GridState,
  gridLooked,
  gridTurned,
  houseLoad,
  type PilesTake,
} from './grid-meter.ts';
import { type CellLimit, type GridLimit, limitsOf, type MinuteOfDay } from './limits.ts';
import { demandOf, mayTakeMa } from './may-take.ts';
import { cellAt, type Network, type Outlet, type PerPhase, PHASES } from './network.ts';
import { type PileLooks, pileLooked, pilesTake } from './pile-looks.ts';

/** What never changes while the process runs. */
export interface PowerFacts {
  readonly network: Network;
  readonly turnMs: number;
  /** The node that the grid meter measures, and what is left to the piles below it when the meter is lost. */
  readonly grid: { readonly node: number; readonly fallbackMa: PerPhase } | null;
}

/** What is remembered from one round to the next. */
export interface PowerState {
  readonly startedMonoMs: number;
  /** Connectors that have been read since. */
  readonly seen: ReadonlySet<string>;
  /** What each connector counts with. */
  readonly takes: ReadonlyMap<string, number>;
  readonly shares: Shares;
  readonly looks: ReadonlyMap<string, PileLooks>;
  readonly grid: GridState | null;
}

/** The world at one moment. */
export interface PowerLook {
  readonly connectors: ReadonlyMap<string, ConnectorState>;
  readonly nowMonoMs: number;
  readonly nowMs: number;
  readonly minuteOfDay: MinuteOfDay;
}

export interface PowerRound {
  readonly state: PowerState;
  readonly grants: ReadonlyMap<string, Grant>;
  readonly demands: ReadonlyMap<string, Demand>;
  readonly limits: readonly CellLimit[];
  readonly mayRaise: boolean;
}

/** After the controller began, what runs has been found by then; what has not been seen counts as what it may be. */
const FOUND_WITHIN_MS = 10_000;

export const freshPower = ({ grid }: PowerFacts, nowMonoMs: number): PowerState => ({
  startedMonoMs: nowMonoMs,
  seen: new Set(),
  takes: new Map(),
  shares: new Map(),
  looks: new Map(),
  grid: grid === null ? null : freshGrid(nowMonoMs),
});

/** The grid meter has been read. */
export const meterRead = (state: PowerState, look: GridLook): PowerState =>
  state.grid === null ? state : { ...state, grid: gridLooked(state.grid, look) };

/** One round: who takes what, what that leaves, who is granted what. Pure. */
export function round(facts: PowerFacts, before: PowerState, look: PowerLook): PowerRound {
  const { network } = facts;
  const { nowMonoMs } = look;
  const seen = new Set([
    ...before.seen,
    ...[...look.connectors].flatMap(([id, { reading }]) => (reading === null ? [] : [id])),
  ]);
  const isSettling = nowMonoMs - before.startedMonoMs < FOUND_WITHIN_MS;
  const looks = new Map<string, PileLooks>();
  const takes = new Map<string, number>();
  const demands = new Map<string, Demand>();
  for (const outlet of network.outlets) {
    const { connectorId } = outlet;
    const state = look.connectors.get(connectorId);
    if (state === undefined) continue;
    const looked = pileLooked(before.looks.get(connectorId) ?? null, state, outlet);
    if (looked !== null) looks.set(connectorId, looked);
    const isSeen = seen.has(connectorId);
    const beforeMa = isSeen ? (before.takes.get(connectorId) ?? null) : null;
    const takesMa = mayTakeMa(state, outlet, beforeMa, nowMonoMs);
    takes.set(connectorId, takesMa);
    const demand = demandOf(state, outlet, takesMa, nowMonoMs);
    // For what has not been seen nobody gives anything up but what it falls back to.
    const unseenMa = isSettling ? 0 : outlet.fallback.currentMa;
    const floorMa = isSeen ? demand.floorMa : Math.min(demand.floorMa, unseenMa);
    demands.set(connectorId, { ...demand, floorMa });
  }
  const isFound = !isSettling || network.outlets.every(({ connectorId }) => seen.has(connectorId));
  const grid = gridAfter(facts, before, look, takenBelow(facts, look, looks, takes), isFound);
  const limits = limitsOf(network, look.minuteOfDay, look.nowMs, gridLimitOf(facts, grid));
  const isHouseKnown = grid === null || grid.lost !== null || houseLoad(grid) !== null;
  const mayRaise = isFound && isHouseKnown;
  const { grants, shares } = allocate(network, demands, before.shares, {
    nowMonoMs,
    limitsMa: limits.map(({ ma }) => ma),
    mayRaise,
    turnMs: facts.turnMs,
  });
  return { state: { ...before, seen, takes, shares, looks, grid }, grants, demands, limits, mayRaise };
}

/** What piles take that have not been read yet would count as the house's: until then the meter's looks say nothing. */
function gridAfter(
  facts: PowerFacts,
  { grid }: PowerState,
  look: PowerLook,
  piles: PilesTake,
  isFound: boolean,
): GridState | null {
  if (grid === null || facts.grid === null) return null;
  if (!isFound) return { ...freshGrid(look.nowMonoMs), same: grid.same };
  const own = limitsOf(facts.network, look.minuteOfDay, look.nowMs, null);
  const [first, second, third] = PHASES.map((phase) => own[cellAt(facts.grid?.node ?? 0, phase)]?.ma ?? 0);
  return gridTurned(grid, piles, [first ?? 0, second ?? 0, third ?? 0], look.nowMonoMs);
}

function takenBelow(
  { network, grid }: PowerFacts,
  { connectors, nowMonoMs }: PowerLook,
  looks: ReadonlyMap<string, PileLooks>,
  takes: ReadonlyMap<string, number>,
): PilesTake {
  const isBelow = ({ path }: Outlet) => grid !== null && path.includes(grid.node);
  const piles = network.outlets.filter(isBelow).flatMap(({ connectorId }) => {
    const state = connectors.get(connectorId);
    const mayTakeMa = takes.get(connectorId) ?? 0;
    return state === undefined ? [] : [{ state, looks: looks.get(connectorId) ?? null, mayTakeMa }];
  });
  return pilesTake(piles, nowMonoMs);
}

function gridLimitOf({ grid: facts }: PowerFacts, grid: GridState | null): GridLimit | null {
  if (facts === null || grid === null) return null;
  if (grid.lost !== null) return { kind: 'fallback', node: facts.node, limitMa: facts.fallbackMa };
  const houseMa = houseLoad(grid);
  return houseMa === null ? null : { kind: 'measured', node: facts.node, houseMa };
}
