import type { Dice } from './dice.ts';
import type { Scheduler } from './scheduler.ts';

/** How one way of a connection is doing. */
export interface Way {
  isOpen: boolean;
  lossP: number;
  doubleP: number;
  /** How many messages overtake others. */
  strayP: number;
  leastMs: number;
  mostMs: number;
  /** Until then everything waits in the broker, and nobody notices. */
  heldUntilMs: number;
}

export const goodWay = (): Way => ({
  isOpen: true,
  lossP: 0,
  doubleP: 0,
  strayP: 0,
  leastMs: 5,
  mostMs: 60,
  heldUntilMs: 0,
});

/** What a way looks like that nothing in particular is wrong with: now and then something is lost, or comes twice. */
export const usualWay = (): Way => ({ ...goodWay(), lossP: 0.005, doubleP: 0.02, strayP: 0.005 });

/** How late a message comes that others overtake: it waits for a broker that is busy, or for one that stands still. */
const STRAY_MS = [8000, 8000, 8000, 100_000];
/** What has waited comes within so long, in any order. */
const HELD_APART_MS = 8000;

/** Both ways between a client and the broker. */
export interface Wire {
  readonly up: Way;
  readonly down: Way;
}

export const goodWire = (): Wire => ({ up: goodWay(), down: goodWay() });

/** Sends messages one way: in order, once each, unless the way is bad. */
export class Lane {
  readonly #scheduler: Scheduler;
  readonly #dice: Dice;
  readonly #way: Way;
  #lastMs = 0;

  constructor(scheduler: Scheduler, dice: Dice, way: Way) {
    this.#scheduler = scheduler;
    this.#dice = dice;
    this.#way = way;
  }

  send(arrive: () => void): void {
    const { isOpen, lossP, doubleP } = this.#way;
    if (!isOpen || this.#dice.chance(lossP)) return;
    this.#sendOne(arrive);
    if (this.#dice.chance(doubleP)) this.#sendOne(arrive);
  }

  #sendOne(arrive: () => void): void {
    const { strayP, leastMs, mostMs, heldUntilMs } = this.#way;
    const dice = this.#dice;
    if (heldUntilMs > this.#scheduler.nowMs) {
      this.#scheduler.at(heldUntilMs + dice.between(0, HELD_APART_MS), arrive);
      return;
    }
    const dueMs = this.#scheduler.nowMs + dice.between(leastMs, mostMs);
    if (dice.chance(strayP)) {
      this.#scheduler.at(dueMs + dice.between(0, dice.pick(STRAY_MS)), arrive);
      return;
    }
    this.#lastMs = Math.max(this.#lastMs, dueMs);
    this.#scheduler.at(this.#lastMs, arrive);
  }
}
