import type { InputState } from '../control/inputs/input.ts';
import type { WatchedInput } from './io-loop.ts';
import type { TripOutput } from './trip-output.ts';

/** One input as the technician sees it. */
export interface InputView {
  readonly inputId: string;
  readonly boardId: string;
  readonly channel: number;
  readonly kind: string;
  readonly level: InputState['level'];
  readonly latched: boolean;
  readonly lost: boolean;
  readonly covers: 'all' | readonly string[];
}

/** One trip output as the technician sees it. */
export interface OutputView {
  readonly outputId: string;
  readonly boardId: string;
  readonly channel: number;
  readonly tripped: boolean;
  /** How its relay reads back; null before it was seen. */
  readonly isOn: boolean | null;
  readonly lost: boolean;
  readonly trips: readonly string[];
}

export function viewOfInput(boardId: string, { config, state }: WatchedInput): InputView {
  const { inputId, channel, kind, covers } = config;
  const { level, latched, lost } = state;
  return { inputId, boardId, channel, kind, level, latched, lost, covers };
}

export function viewOfOutput(boardId: string, { config, state }: TripOutput): OutputView {
  const { outputId, channel, trips } = config;
  const { tripped, isOn, lost } = state;
  return { outputId, boardId, channel, tripped, isOn, lost, trips };
}
