import type { SiteDevices, SiteIoBoard } from '../config/site-devices.ts';
import { inputFactsOf } from '../config/site-io.ts';
import { LOOK_AGAIN_AFTER_MS } from '../control/inputs/input.ts';
import type { PlannedTransaction } from './device-plan.ts';
import type { LinePlan } from './plan-line.ts';

/** From the moment at which an emergency shows at its contact to the decision, every unit of the line answering. */
export const INPUT_SEEN_TARGET_MS = 1000;

/** How soon a site input is seen. */
export interface InputPlan {
  readonly inputId: string;
  readonly kind: string;
  readonly boardId: string;
  readonly lineId: string;
  /** Place in the site's file. */
  readonly path: string;
  /** Stops what runs: it must be seen within the target. */
  readonly stops: boolean;
  /** A broken wire looks like "nothing is wrong". */
  readonly isBlindToBrokenWire: boolean;
  readonly detectionMs: number;
}

/** Computes the worst time until each input of the site is seen and believed. */
export function planInputs({ io }: SiteDevices, lines: readonly LinePlan[]): InputPlan[] {
  return io.flatMap((board, b) => {
    const line = lines.find(({ lineId }) => lineId === board.config.lineId);
    if (line === undefined) return [];
    const detectionMs = detectionOf(board, line);
    return board.config.inputs.map((input, i) => ({
      inputId: input.inputId,
      kind: input.kind,
      boardId: board.config.boardId,
      lineId: line.lineId,
      path: `io.${b}.inputs.${i}`,
      stops: inputFactsOf(input).stops,
      isBlindToBrokenWire: input.normally === 'open',
      detectionMs,
    }));
  });
}

const takenMs = (transactions: readonly PlannedTransaction[]) =>
  transactions.reduce((sum, { busyMs, gapMs }) => sum + busyMs + gapMs, 0);

/**
 * It shows just after a look: a poll period until the next one, which waits for what is in flight and for every
 * watchdog that is due, then the time between two looks, and the second one, which waits for what is in flight.
 */
function detectionOf({ config, profile }: SiteIoBoard, { devices }: LinePlan): number {
  const own = devices.find(({ part, deviceId }) => part === 'io' && deviceId === config.boardId);
  const everything = devices.flatMap(({ polls, feeds, stops, occasional }) => [
    ...polls,
    ...feeds,
    ...stops,
    ...occasional,
  ]);
  const inFlightMs = Math.max(0, ...everything.map(({ busyMs, gapMs }) => busyMs + gapMs));
  const lookMs = takenMs(own?.polls ?? []);
  const feedsMs = takenMs(devices.flatMap(({ feeds }) => feeds));
  return profile.timing.pollMs + inFlightMs + feedsMs + lookMs + LOOK_AGAIN_AFTER_MS + inFlightMs + lookMs;
}
