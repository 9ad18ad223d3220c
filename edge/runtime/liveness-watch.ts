import type { Clock, Timers } from '#shared/clock.ts';
import { beginWatch, type LateLoop, type Liveness, lateLoops, look } from './liveness.ts';
import type { TurnCounters } from './turn-counters.ts';

export const LOOK_EVERY_MS = 1000;

export interface LivenessWatchParts {
  readonly counters: TurnCounters;
  readonly clock: Clock;
  readonly timers: Timers;
  /** After every look; empty when every loop is in time. */
  readonly onLook: (late: readonly LateLoop[]) => void;
}

/** Watches the loops of the other thread. Each of the two threads watches the other. */
export class LivenessWatch {
  readonly #parts: LivenessWatchParts;
  #liveness: Liveness;
  #cancel: () => void = () => {};

  constructor(parts: LivenessWatchParts) {
    this.#parts = parts;
    this.#liveness = beginWatch(parts.counters.loops, parts.clock.monoMs());
  }

  start(): void {
    const { counters, clock, timers, onLook } = this.#parts;
    this.#liveness = beginWatch(counters.loops, clock.monoMs());
    const again = () => {
      const nowMonoMs = clock.monoMs();
      this.#liveness = look(this.#liveness, counters.turns(), nowMonoMs);
      this.#cancel = timers.after(LOOK_EVERY_MS, again);
      onLook(lateLoops(this.#liveness, nowMonoMs));
    };
    again();
  }

  stop(): void {
    this.#cancel();
  }
}
