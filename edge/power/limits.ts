import { cellAt, type Network, type PerPhase, PHASES, type PowerNode } from './network.ts';

/** A band begins to count so long before its time: vehicles and piles have followed by then. */
const AHEAD_MS = 15_000;

/** What the grid meter leaves to the piles below its node. */
export type GridLimit =
  /** What else is taken below the node, per phase; it is not the piles'. */
  | { readonly kind: 'measured'; readonly node: number; readonly houseMa: PerPhase }
  /** The meter cannot be relied on: so much is left to the piles together. */
  | { readonly kind: 'fallback'; readonly node: number; readonly limitMa: PerPhase };

/** A limit of one phase of a node at one moment, and what makes it lower than what the node carries. */
export interface CellLimit {
  readonly ma: number;
  readonly lowerBy: 'time-of-day' | 'house' | 'fallback' | null;
}

/** Minute of the local day at an instant; null while nobody can tell. */
export type MinuteOfDay = ((atMs: number) => number) | null;

/** What each cell may carry for the piles. @param nowMs wall clock, looked at only where `minuteOfDay` is there */
export function limitsOf(
  { nodes }: Pick<Network, 'nodes'>,
  minuteOfDay: MinuteOfDay,
  nowMs: number,
  grid: GridLimit | null,
): CellLimit[] {
  const limits: CellLimit[] = [];
  nodes.forEach((node, index) => {
    for (const phase of PHASES) {
      const bandMa = bandLimit(node, minuteOfDay, nowMs)[phase];
      const ownMa = node.limitMa[phase];
      const own: CellLimit = bandMa < ownMa ? { ma: bandMa, lowerBy: 'time-of-day' } : { ma: ownMa, lowerBy: null };
      limits[cellAt(index, phase)] = grid?.node === index ? withGrid(own, grid, phase) : own;
    }
  });
  return limits;
}

function withGrid(own: CellLimit, grid: GridLimit, phase: 0 | 1 | 2): CellLimit {
  if (grid.kind === 'fallback') {
    const limitMa = grid.limitMa[phase];
    return limitMa < own.ma ? { ma: limitMa, lowerBy: 'fallback' } : own;
  }
  const houseMa = grid.houseMa[phase];
  return houseMa > 0 ? { ma: Math.max(0, own.ma - houseMa), lowerBy: 'house' } : own;
}

/** The lowest of the bands that are in force now and a little later; without a clock the lowest of all. */
function bandLimit({ bands, limitMa }: PowerNode, minuteOfDay: MinuteOfDay, nowMs: number): PerPhase {
  if (bands.length === 0) return limitMa;
  if (minuteOfDay === null) return lowest(bands.map((band) => band.limitMa));
  const at = (atMs: number) => {
    const minute = minuteOfDay(atMs);
    return bands.findLast(({ fromMinute }) => fromMinute <= minute)?.limitMa ?? limitMa;
  };
  return lowest([at(nowMs), at(nowMs + AHEAD_MS)]);
}

function lowest(limits: readonly PerPhase[]): PerPhase {
  const of = (phase: 0 | 1 | 2) => Math.min(...limits.map((limit) => limit[phase]));
  return [of(0), of(1), of(2)];
}
