import type { Clock, Timers } from '#shared/clock.ts';
import { LineError } from '../bus/line-error.ts';
import type { MeterDriver, MeterLook } from '../devices/meter-driver.ts';
import { GRID_POLL_MS, type GridLook } from '../power/grid-meter.ts';
import { Pace } from './pace.ts';

export interface GridMeterParts {
  readonly meter: MeterDriver;
  /** Primary over secondary current of its transformers. */
  readonly currentRatio: number;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Reads the meter of the supply at its own pace. One that does not answer is asked on. */
export class GridMeterLoop {
  readonly #parts: GridMeterParts;
  readonly #pace: Pace;
  #done: Promise<void> = Promise.resolve();

  constructor(parts: GridMeterParts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.timers);
  }

  start(onLook: (look: GridLook) => void): void {
    this.#done = this.#run(onLook);
  }

  /** Ends after what is under way. */
  async stop(): Promise<void> {
    this.#pace.end();
    await this.#done;
  }

  async #run(onLook: (look: GridLook) => void): Promise<void> {
    const { meter, clock, currentRatio } = this.#parts;
    while (!this.#pace.isOver) {
      this.#pace.begin();
      const askedMonoMs = clock.monoMs();
      try {
        onLook(gridLookOf(await meter.read(), askedMonoMs, currentRatio));
      } catch (error) {
        if (!(error instanceof LineError)) throw error;
        meter.forget();
      }
      await this.#pace.pause(askedMonoMs + GRID_POLL_MS - clock.monoMs());
    }
  }
}

function gridLookOf(look: MeterLook, askedMonoMs: number, currentRatio: number): GridLook {
  const { phasesMa = null } = look;
  const primary = (ma: number) => Math.ceil(ma * currentRatio);
  return {
    askedMonoMs,
    phasesMa: phasesMa === null ? null : [primary(phasesMa[0]), primary(phasesMa[1]), primary(phasesMa[2])],
    told: JSON.stringify(look),
    registeredMa: phasesMa === null ? 0 : phasesMa[0] + phasesMa[1] + phasesMa[2],
  };
}
