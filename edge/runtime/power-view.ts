import { textOfBecause } from '../power/because-text.ts';
import { houseLoad } from '../power/grid-meter.ts';
import { cellAt, loadedCells, type PerPhase, PHASES } from '../power/network.ts';
import type { PowerFacts, PowerRound, PowerState } from '../power/round.ts';

/** How the supply is shared at present, for people. Currents in mA per phase of the network. */
export interface PowerView {
  readonly nodes: readonly {
    readonly nodeId: string;
    readonly limitMa: PerPhase;
    /** What the piles below it may be taking at this moment, and what they have been granted, whichever is larger. */
    readonly countedMa: PerPhase;
  }[];
  readonly connectors: readonly {
    readonly connectorId: string;
    readonly wants: 'nothing' | 'start' | 'charge';
    readonly grantMa: number;
    /** What may flow there, whatever it has been granted. */
    readonly mayTakeMa: number;
    readonly because: string;
  }[];
  /** Null: the site has no grid meter. */
  readonly grid: { readonly houseMa: PerPhase | null; readonly lost: string | null } | null;
}

/** @param told what each connector has been granted */
export function powerViewOf(
  { network }: PowerFacts,
  { state, grants, demands, limits }: PowerRound,
  told: ReadonlyMap<string, number>,
  nowMonoMs: number,
): PowerView {
  const countedUa = limits.map(() => 0);
  for (const outlet of network.outlets) {
    const { connectorId, drawPermille } = outlet;
    const countsMa = Math.max(told.get(connectorId) ?? 0, demands.get(connectorId)?.mayTakeMa ?? 0);
    for (const cell of loadedCells(outlet)) countedUa[cell] = (countedUa[cell] ?? 0) + countsMa * drawPermille;
  }
  const phases = (node: number, of: (cell: number) => number): PerPhase => [
    of(cellAt(node, 0)),
    of(cellAt(node, 1)),
    of(cellAt(node, 2)),
  ];
  return {
    nodes: network.nodes.map(({ nodeId }, node) => ({
      nodeId,
      limitMa: phases(node, (cell) => limits[cell]?.ma ?? 0),
      countedMa: phases(node, (cell) => Math.ceil((countedUa[cell] ?? 0) / 1000)),
    })),
    connectors: network.outlets.map(({ connectorId }) => {
      const demand = demands.get(connectorId);
      const grant = grants.get(connectorId);
      return {
        connectorId,
        wants: demand?.wants ?? 'nothing',
        grantMa: told.get(connectorId) ?? 0,
        mayTakeMa: demand?.mayTakeMa ?? 0,
        because: grant === undefined ? '' : textOfBecause(grant.because, network, limits, nowMonoMs),
      };
    }),
    grid: state.grid === null ? null : { houseMa: houseLoad(state.grid), lost: state.grid.lost },
  };
}

/** Everything that a decision was made from, so that it can be made again from the log. `before`: what it began with. */
export function roundForLog({ network }: PowerFacts, before: PowerState, made: PowerRound, nowMonoMs: number) {
  const { demands, limits, state, mayRaise } = made;
  return {
    nowMonoMs,
    mayRaise,
    limits: network.nodes.map(({ nodeId }, node) => ({
      nodeId,
      ma: PHASES.map((phase) => limits[cellAt(node, phase)]?.ma ?? 0),
      lowerBy: PHASES.map((phase) => limits[cellAt(node, phase)]?.lowerBy ?? null),
    })),
    demands: [...demands.values()].filter(({ wants, mayTakeMa }) => wants !== 'nothing' || mayTakeMa > 0),
    shares: Object.fromEntries(before.shares),
    houseMa: state.grid === null ? null : houseLoad(state.grid),
    meterLost: state.grid?.lost ?? null,
  };
}
