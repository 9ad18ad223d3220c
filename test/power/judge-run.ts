import type { Excess } from '../../hardware-sim/network/overshoot.ts';
import type { Truth } from '../stand/simulated-station.ts';
import type { Stand } from '../stand/stand.ts';
import { type BadRaise, badRaises } from './decisions.ts';
import type { RunStory, Stage } from './power-run.ts';
import { unexplained, type Wiring } from './shared-log.ts';

/** No limit is exceeded for longer: a meter's poll, a decision, its writes, and the cars' time to follow. */
export const LONGEST_ABOVE_MS = 5000;
/** A charge that is paused stays so for so long, and so does one that goes on. */
const PAUSED_AT_LEAST_MS = 300_000;
const PHASES = ['L1', 'L2', 'L3'] as const;

/** A time above a limit: where, when, and what was being done to the site. */
export interface Exceeded extends Excess {
  readonly nodeId: string;
  readonly phase: string;
  readonly stage: string;
}

export interface PowerJudgement {
  /** In words; empty when all is well. */
  readonly complaints: readonly string[];
  readonly exceeded: readonly Exceeded[];
  readonly badRaises: readonly BadRaise[];
  /** The most that flowed above any limit, and the longest time without a pause. */
  readonly maxOvershootA: number;
  readonly longestOvershootMs: number;
  /** Moves of the contacts, each way counted, of the pile that moved them the most. */
  readonly mostOperations: number;
  readonly flowedWh: number;
  readonly recordedWh: number;
}

/** Compares what the edge did with a site's limits, and recorded, with what truly flowed. */
export function judgeRun(stand: Stand, story: RunStory, shape: Wiring): PowerJudgement {
  const exceeded = timesAbove(story);
  const raises = badRaises(story.changes, shape);
  const accounts = stand.pileIds.map((pileId) => accountOf(stand, pileId, story));
  const operations = story.after.piles.map(({ contactorOperations }) => contactorOperations);
  return {
    complaints: [
      ...stand.cloud.complaints,
      ...exceeded.filter(isTooLong).map(inWords),
      ...raises.map((raise) => raiseInWords(raise, story)),
      ...accounts.flatMap(({ complaint }) => complaint),
      ...stand.pileIds.flatMap((pileId) => chatter(stand, pileId, story)),
      ...unexplained(story.log, shape),
    ],
    exceeded,
    badRaises: raises,
    maxOvershootA: Math.max(0, ...exceeded.map(({ highestA }) => highestA)),
    longestOvershootMs: Math.max(0, ...exceeded.map(durationMs)),
    mostOperations: Math.max(...operations),
    flowedWh: accounts.reduce((sum, { flowedWh }) => sum + flowedWh, 0),
    recordedWh: accounts.reduce((sum, { recordedWh }) => sum + recordedWh, 0),
  };
}

const durationMs = ({ fromMonoMs, toMonoMs }: Excess): number => toMonoMs - fromMonoMs;
const isTooLong = (excess: Excess): boolean => durationMs(excess) > LONGEST_ABOVE_MS;

function timesAbove({ after, stages }: RunStory): Exceeded[] {
  return after.network.flatMap(({ nodeId, phases }) =>
    phases.flatMap(({ overshoot }, i) =>
      overshoot.times.map((time) => ({
        ...time,
        nodeId,
        phase: PHASES[i] ?? '',
        stage: stageAt(stages, time.fromMonoMs),
      })),
    ),
  );
}

const stageAt = (stages: readonly Stage[], monoMs: number): string =>
  stages.findLast(({ fromMonoMs }) => fromMonoMs <= monoMs)?.name ?? 'before the first stage';

const inWords = (one: Exceeded): string =>
  `${one.stage}: ${one.nodeId} ${one.phase} was above its limit for ${Math.round(durationMs(one))} ms, by up to ${one.highestA.toFixed(1)} A`;

function raiseInWords(raise: BadRaise, { stages }: RunStory): string {
  const { monoMs, pileId, fromA, toA, nodeId, phase, allowedA, houseA, limitA } = raise;
  const stage = stages.findLast(({ fromMonoMs }) => fromMonoMs <= monoMs);
  const atS = ((monoMs - (stage?.fromMonoMs ?? 0)) / 1000).toFixed(1);
  const numbers = `${nodeId} ${phase}: allowed ${allowedA.toFixed(1)} A, house ${houseA.toFixed(1)} A, limit ${limitA} A`;
  return `${stage?.name} +${atS} s: ${pileId} was raised from ${fromA.map(figure)} to ${toA.map(figure)}; ${numbers}`;
}

const figure = (currentA: number): string => currentA.toFixed(1);

/** All that flowed at a pile is in its records, void ones included. */
function accountOf(stand: Stand, pileId: string, { before, after }: RunStory) {
  const cdrs = stand.cdrs().filter((cdr) => cdr.pileId === pileId);
  const flowedWh = energyWh(after, pileId) - energyWh(before, pileId);
  const recordedWh = cdrs.reduce((sum, cdr) => sum + cdr.energyWh, 0);
  const isExact = Math.abs(recordedWh - flowedWh) < Math.max(1, cdrs.length);
  const marks = cdrs.flatMap((cdr) => [cdr.stopReason, cdr.faultCode, ...cdr.marks].filter((one) => one !== null));
  return {
    flowedWh,
    recordedWh,
    complaint: isExact
      ? []
      : [`${flowedWh.toFixed(1)} Wh flowed at ${pileId}, ${recordedWh} are in ${cdrs.length} records (${marks})`],
  };
}

/** A charge closes the contacts once and opens them once; beside that a pause may, and what was done to the pile on purpose. */
function chatter(stand: Stand, pileId: string, { before, after, disturbed }: RunStory): string[] {
  const charges = stand.cdrs().filter((cdr) => cdr.pileId === pileId).length;
  const pauses = Math.ceil((after.nowMonoMs - before.nowMonoMs) / PAUSED_AT_LEAST_MS);
  const most = 2 * (charges + pauses + (disturbed.has(pileId) ? 1 : 0));
  const operations = after.piles.find((pile) => pile.pileId === pileId)?.contactorOperations ?? Number.NaN;
  return operations <= most ? [] : [`the contacts of ${pileId} have moved ${operations} times, and ${most} are enough`];
}

const energyWh = (truth: Truth, pileId: string): number =>
  truth.piles.find((pile) => pile.pileId === pileId)?.energyTruthWh ?? Number.NaN;
