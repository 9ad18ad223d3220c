/** Currents in mA on L1, L2 and L3 of the network. */
export type PerPhase = readonly [number, number, number];

export const PHASES = [0, 1, 2] as const;
export type PhaseIndex = (typeof PHASES)[number];

/** A point of the network with limits of its own: the supply of the site, a board, a feeder. */
export interface PowerNode {
  readonly nodeId: string;
  /** Index of the node that feeds it, always before it; null for the supply. */
  readonly parent: number | null;
  /** What it carries at any time. */
  readonly limitMa: PerPhase;
  /** What it may carry from a minute of the local day on, in rising order, the first from 0; empty: always the same. */
  readonly bands: readonly { readonly fromMinute: number; readonly limitMa: PerPhase }[];
}

/** What a pile does when it has not heard of its controller for so long. */
export interface PileFallback {
  /** Null: it has no watchdog, and its last limit stays. */
  readonly afterMs: number | null;
  /** What it may take then; without a watchdog its limit. */
  readonly currentMa: number;
}

/** A connector and where it hangs. */
export interface Outlet {
  readonly connectorId: string;
  /** Indexes of the nodes that feed it, its own first. */
  readonly path: readonly number[];
  /** Whether it may load the phases of the network. */
  readonly loads: readonly [boolean, boolean, boolean];
  /** Which phase of the network the pile's L1, L2 and L3 are. Null: nobody knows. */
  readonly order: readonly PhaseIndex[] | null;
  /** The least that the pile can offer, the most, and its step. */
  readonly minMa: number;
  readonly maxMa: number;
  readonly stepMa: number;
  readonly canPause: boolean;
  /** A higher one is served first. */
  readonly priority: number;
  /** What it takes from a phase for each mA of its limit, in µA: a DC pile takes more where the voltage is low. */
  readonly drawPermille: number;
  readonly fallback: PileFallback;
}

/** The network of a site; the supply is the first node. */
export interface Network {
  readonly nodes: readonly PowerNode[];
  readonly outlets: readonly Outlet[];
}

/**
 * A cell is one phase of one node: the smallest thing that has a limit. Arrays of cells hold the three phases of the first
 * node, then those of the second. What cells carry is counted in µA, so that no rounding adds up.
 */
export const cellsOf = ({ nodes }: Pick<Network, 'nodes'>): number => nodes.length * PHASES.length;
export const cellAt = (node: number, phase: PhaseIndex): number => node * PHASES.length + phase;

/** Every cell that an outlet loads, on its way up to the supply. */
export const loadedCells = ({ path, loads }: Outlet): readonly number[] =>
  path.flatMap((node) => PHASES.filter((phase) => loads[phase]).map((phase) => cellAt(node, phase)));

/** "feeder F1 L2": a cell for people. */
export function nameOfCell({ nodes }: Network, cell: number): string {
  const node = nodes[Math.floor(cell / PHASES.length)];
  return `${node?.nodeId ?? '?'} L${(cell % PHASES.length) + 1}`;
}

/** The largest limit that the pile knows and that is not above `ma`; 0 below the least. */
export function stepDown({ minMa, stepMa }: Pick<Outlet, 'minMa' | 'stepMa'>, ma: number): number {
  const stepped = ma - (ma % stepMa);
  return stepped >= minMa ? stepped : 0;
}
