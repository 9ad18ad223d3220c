import { allocate } from '../../edge/power/allocate.ts';
import type { Demand, Share } from '../../edge/power/demand.ts';
import type { Network } from '../../edge/power/network.ts';
import type { LogLine } from '../stand/edge-process.ts';
import { connectorOf } from '../stand/small-site.ts';
import type { GridShape } from './decisions.ts';

/** The edge's line of log about one decision, as somebody who asks why reads it. */
interface SharedAnew {
  readonly msg: 'the supply is shared anew';
  readonly changes: readonly {
    readonly connectorId: string;
    readonly fromMa: number | null;
    readonly toMa: number;
    readonly because: string;
  }[];
}

/** Now and then the line has everything that the decision was made from. */
interface WholeDecision extends SharedAnew {
  readonly nowMonoMs: number;
  readonly mayRaise: boolean;
  readonly limits: readonly { readonly nodeId: string; readonly ma: readonly number[] }[];
  readonly demands: readonly Demand[];
  readonly shares: Readonly<Record<string, Share>>;
}

const isShared = (line: LogLine): line is LogLine & SharedAnew => line.msg === 'the supply is shared anew';
const isWhole = (line: SharedAnew): line is WholeDecision => 'limits' in line;

/** What in the log does not follow from the log, in words; empty when every decision can be explained from it. */
export function unexplained(log: readonly LogLine[], wiring: Wiring): string[] {
  const granted = new Map<string, number>();
  const complaints: string[] = [];
  for (const line of log) {
    if (!isShared(line)) continue;
    const at = `line of ${line.time}`;
    for (const { connectorId, fromMa, toMa, because } of line.changes) {
      // Null: the first word of this life of the edge.
      if (fromMa !== null && granted.get(connectorId) !== fromMa)
        complaints.push(`${at}: ${connectorId} had ${granted.get(connectorId)}, and is changed from ${fromMa}`);
      granted.set(connectorId, toMa);
      if (isWhole(line) && !isTrue(because, line))
        complaints.push(`${at}: ${connectorId}: "${because}" is not in its limits`);
    }
    if (isWhole(line)) complaints.push(...overfull(line, granted, wiring).map((what) => `${at}: ${what}`));
  }
  return complaints;
}

/**
 * Makes every decision again whose line has everything it was made from. What comes out otherwise is in words; `made` is
 * how many there were.
 */
export function madeAgain(
  log: readonly LogLine[],
  network: Network,
  turnMs: number,
): { made: number; wrong: readonly string[] } {
  const whole = log.flatMap((line): WholeDecision[] => (isShared(line) && isWhole(line) ? [line] : []));
  const wrong = whole.flatMap(({ nowMonoMs, mayRaise, limits, demands, shares, changes }) => {
    const limitsMa = limits.flatMap(({ ma }) => ma);
    const byConnector = new Map(demands.map((demand) => [demand.connectorId, demand]));
    const conditions = { nowMonoMs, limitsMa, mayRaise, turnMs };
    const { grants } = allocate(network, byConnector, new Map(Object.entries(shares)), conditions);
    return changes.flatMap(({ connectorId, toMa }) => {
      const againMa = grants.get(connectorId)?.limitMa;
      return againMa === toMa ? [] : [`at ${nowMonoMs}: ${connectorId} was given ${toMa}, and is given ${againMa} now`];
    });
  });
  return { made: whole.length, wrong };
}

/** Where a pile's current flows, told by the site and not by the edge. */
export interface Wiring extends GridShape {
  /** How much current each mA of a limit may be, and the network's phases (0 to 2) that it flows in. */
  loads(pileId: string): { readonly phases: readonly number[]; readonly draw: number };
  readonly pileIds: readonly string[];
}

/** A reason that names a limit names one that holds. */
function isTrue(because: string, { limits }: WholeDecision): boolean {
  const named = /^(\S+) L([123]) carries (\d+\.\d) A/.exec(because);
  if (named === null) return true;
  const [, nodeId, phase, amperes] = named;
  const limit = limits.find((one) => one.nodeId === nodeId)?.ma[Number(phase) - 1];
  return limit !== undefined && (limit / 1000).toFixed(1) === amperes;
}

/** Where somebody is given more, all that is granted or may still flow is within the limit. What is found running is not given. */
function overfull(line: WholeDecision, granted: ReadonlyMap<string, number>, wiring: Wiring): string[] {
  const mayTake = new Map(line.demands.map(({ connectorId, mayTakeMa }) => [connectorId, mayTakeMa]));
  const raised = line.changes
    .filter(({ fromMa, toMa }) => fromMa !== null && toMa > fromMa)
    .map(({ connectorId }) => connectorId);
  const raisedCells = wiring.pileIds
    .filter((pileId) => raised.includes(connectorOf(pileId)))
    .flatMap((pileId) => cellsOf(pileId, wiring));
  return [...new Set(raisedCells)].flatMap((cell) => {
    const [nodeId = '', phase = ''] = cell.split(' ');
    const limitMa = line.limits.find((one) => one.nodeId === nodeId)?.ma[Number(phase)] ?? 0;
    const countedMa = wiring.pileIds
      .filter((pileId) => cellsOf(pileId, wiring).includes(cell))
      .reduce((sum, pileId) => {
        const connectorId = connectorOf(pileId);
        const mostMa = Math.max(granted.get(connectorId) ?? 0, mayTake.get(connectorId) ?? 0);
        return sum + mostMa * wiring.loads(pileId).draw;
      }, 0);
    return countedMa > limitMa + 1 ? [`${cell} carries ${limitMa} mA, and ${Math.round(countedMa)} are given`] : [];
  });
}

const cellsOf = (pileId: string, wiring: Wiring): string[] =>
  wiring.nodesAbove(pileId).flatMap((nodeId) => wiring.loads(pileId).phases.map((phase) => `${nodeId} ${phase}`));
