import type { LineConfig } from '../config/site.ts';
import { FEEDS_PER_TIMEOUT } from '../devices/profile/pile-profile.ts';
import { baudOf, type DevicePlan, type PlannedTransaction } from './device-plan.ts';

/** From the reading that tells to the first stop frame on the wire, every unit of the line answering. */
export const STOP_ON_WIRE_TARGET_MS = 1000;

/** How soon a pile of this line stops when it must. */
export interface StopPlan {
  readonly piles: number;
  /** The longest time until a fault is read: a poll period, or the line's cycle where that is longer. */
  readonly detectionMs: number;
  /** The longest time from the decision until the stop is written, every unit answering. */
  readonly healthyMs: number;
  /** The same while a unit that does not answer is being asked. */
  readonly deadUnitMs: number;
  /** All piles of the line, one after the other, without any wait before the first. */
  readonly allPilesMs: number;
  readonly isOnTarget: boolean;
}

export interface LinePlan {
  readonly lineId: string;
  readonly transport: LineConfig['transport'];
  /** Null on a network. */
  readonly baud: number | null;
  readonly devices: readonly DevicePlan[];
  /** Share of the time that the line is taken when every device is polled at its own pace. Above 1 it cannot be. */
  readonly utilisation: number;
  /** Every device polled and fed once, without pauses in between. */
  readonly saturatedCycleMs: number;
  /** The same when the answer that is waited for the longest does not come. */
  readonly lostCycleMs: number;
  /** Null on a line without piles. */
  readonly stop: StopPlan | null;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, next) => total + next, 0);
const takenMs = (transactions: readonly PlannedTransaction[]) => sum(transactions.map((t) => t.busyMs + t.gapMs));

/**
 * Computes what a line's devices ask of it. A device's gap counts as taken, although the line may ask another device
 * in it: the plan keeps to the safe side.
 */
export function planLine(line: LineConfig, devices: readonly DevicePlan[]): LinePlan {
  const inCycle = devices.flatMap(({ polls, feeds }) => [...polls, ...feeds]);
  const saturatedCycleMs = takenMs(inCycle);
  return {
    lineId: line.lineId,
    transport: line.transport,
    baud: baudOf(line),
    devices,
    utilisation: sum(devices.map(shareOf)),
    saturatedCycleMs,
    lostCycleMs: saturatedCycleMs + Math.max(0, ...inCycle.map(({ unansweredMs }) => unansweredMs)),
    stop: stopPlan(devices, saturatedCycleMs),
  };
}

function shareOf({ polls, pollMs, feeds, watchdogMs }: DevicePlan): number {
  const feeding = watchdogMs === null ? 0 : takenMs(feeds) / (watchdogMs / FEEDS_PER_TIMEOUT);
  return takenMs(polls) / pollMs + feeding;
}

/** A stop overtakes everything that waits, but nothing that is in flight. */
function stopPlan(devices: readonly DevicePlan[], saturatedCycleMs: number): StopPlan | null {
  const piles = devices.filter(({ part }) => part === 'piles');
  if (piles.length === 0) return null;
  const inFlight = devices.flatMap(({ polls, feeds, stops, occasional }) => [
    ...polls,
    ...feeds,
    ...stops,
    ...occasional,
  ]);
  const firstStops = piles.flatMap(({ stops }) => stops.slice(0, 1));
  const writtenMs = Math.max(...firstStops.map(({ gapMs, busyMs }) => gapMs + busyMs));
  const healthyMs = Math.max(...inFlight.map(({ busyMs }) => busyMs)) + writtenMs;
  return {
    piles: piles.length,
    detectionMs: Math.max(saturatedCycleMs, ...piles.map(({ pollMs }) => pollMs)),
    healthyMs,
    deadUnitMs: Math.max(healthyMs, Math.max(...inFlight.map(({ unansweredMs }) => unansweredMs)) + writtenMs),
    allPilesMs: sum(piles.map(({ stops }) => takenMs(stops))),
    isOnTarget: healthyMs <= STOP_ON_WIRE_TARGET_MS,
  };
}
