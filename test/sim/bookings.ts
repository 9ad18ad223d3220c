import type { Box } from './box.ts';
import type { Dice } from './dice.ts';
import type { Partner } from './partner.ts';
import type { Pile } from './pile.ts';
import type { Scheduler } from './scheduler.ts';

const MINUTE_MS = 60_000;
/** A little more than the shortest that the cloud takes. */
const SHORTEST_MS = MINUTE_MS + 1000;
const LONGEST_MS = 14 * MINUTE_MS;
const TRIES = 4;

export interface BookingParts {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly box: Box;
  readonly pile: Pile;
  readonly partner: Partner;
  /** Another, who wants the same connector. */
  readonly rival: Partner;
  /** No reservation lasts longer. */
  readonly lastMs: number;
}

/** Who asks for a charge, and with what. */
export interface Asking {
  readonly partner: Partner;
  readonly reservationId: string | null;
}

/** What is reserved at one connector before the next car comes: some cancel, some come, some let it run out. */
export class Bookings {
  readonly #parts: BookingParts;
  #current: { readonly partner: Partner; readonly reservationId: string } | null = null;

  constructor(parts: BookingParts) {
    this.#parts = parts;
  }

  /** The connector is free until then. */
  before(arrivesMs: number): void {
    const { scheduler, dice } = this.#parts;
    this.#current = null;
    if (!dice.chance(0.75)) return;
    const atMs = dice.between(scheduler.nowMs, arrivesMs);
    scheduler.at(atMs, () => this.#reserve(arrivesMs, 1));
  }

  /** With the reservation, or as if somebody else stood there. */
  asking(): Asking {
    const { dice, partner, rival } = this.#parts;
    if (this.#current === null) return { partner, reservationId: null };
    if (dice.chance(0.75)) return this.#current;
    return { partner: dice.pick([partner, rival]), reservationId: null };
  }

  #reserve(arrivesMs: number, tries: number): void {
    const { scheduler, dice, box, pile, partner, rival, lastMs } = this.#parts;
    const { nowMs } = scheduler;
    const longestMs = Math.min(LONGEST_MS, lastMs - nowMs);
    if (longestMs < SHORTEST_MS) return;
    const untilMs = nowMs + dice.between(SHORTEST_MS, longestMs);
    const againMs = nowMs + dice.between(5000, 40_000);
    box.stir(pile.connectorId);
    for (const one of dice.chance(0.25) ? [partner, rival] : [dice.pick([partner, rival])])
      one.reserve(pile.connectorId, untilMs, (outcome) => {
        if (outcome === 'no-answer') return;
        if ('operation' in outcome) return this.#has(one, outcome.operation.reservation_id ?? '', untilMs);
        const isGone = this.#current !== null || againMs >= arrivesMs || tries === TRIES;
        if (!isGone) scheduler.at(againMs, () => this.#reserve(arrivesMs, tries + 1));
      });
  }

  #has(partner: Partner, reservationId: string, untilMs: number): void {
    const { scheduler, dice, box, pile } = this.#parts;
    this.#current = { partner, reservationId };
    if (!dice.chance(0.3)) return;
    const cancel = () => {
      box.stir(pile.connectorId);
      partner.cancel(reservationId);
    };
    const inMs = dice.pick([dice.span(400), dice.between(0, Math.max(0, untilMs - scheduler.nowMs))]);
    scheduler.after(inMs, cancel);
    if (dice.chance(0.3)) scheduler.after(inMs + dice.span(3000), cancel);
  }
}
