import type { Bookings } from './bookings.ts';
import type { Box } from './box.ts';
import type { Dice } from './dice.ts';
import type { Partner } from './partner.ts';
import type { Pile } from './pile.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

const MINUTE_MS = 60_000;
/** On average, between one car and the next: much is to happen in a run. */
const GAP_MS = 7 * MINUTE_MS;

export interface VisitParts {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly box: Box;
  readonly pile: Pile;
  readonly bookings: Bookings;
  readonly cards: readonly string[];
  /** No car comes later. */
  readonly lastMs: number;
}

interface Followed {
  readonly partner: Partner;
  readonly orderId: string;
  readonly staysMs: number;
  readonly holdMinor: number | null;
}

/** Cars at one connector, one after the other: what their drivers do, and by whom their charges begin and end. */
export class Visits {
  readonly #parts: VisitParts;
  #isThere = false;

  constructor(parts: VisitParts) {
    this.#parts = parts;
    this.#next();
  }

  #after(ms: number, action: () => void): void {
    this.#parts.scheduler.after(ms, action);
  }

  #next(): void {
    const { scheduler, dice, bookings, lastMs } = this.#parts;
    const arrivesMs = scheduler.nowMs + dice.between(MINUTE_MS, 2 * GAP_MS);
    if (arrivesMs >= lastMs) return;
    bookings.before(arrivesMs);
    scheduler.at(arrivesMs, () => this.#arrive());
  }

  #arrive(): void {
    const { dice, trace, pile, box, lastMs, scheduler } = this.#parts;
    this.#isThere = true;
    trace.note(pile.connectorId, 'a car arrives');
    pile.plug();
    if (dice.chance(0.85)) pile.wants(dice.between(2000, 11_000));
    box.stir(pile.connectorId);
    const staysMs = Math.min(dice.between(2, 25) * MINUTE_MS + dice.between(0, 59_999), lastMs - scheduler.nowMs);
    if (dice.chance(0.65)) this.#byOrder(staysMs);
    else this.#byCard(staysMs);
    for (let i = dice.between(0, 3); i > 0; i -= 1) this.#after(dice.between(0, staysMs), () => this.#wants());
    this.#after(staysMs + dice.between(60_000, 200_000), () => this.#leave());
  }

  #wants(): void {
    if (!this.#isThere) return;
    this.#parts.box.stir();
    this.#parts.pile.wants(this.#parts.dice.pick([0, 3000, 7000, 11_000]));
  }

  #leave(): void {
    const { trace, pile, box } = this.#parts;
    trace.note(pile.connectorId, 'the car leaves');
    this.#isThere = false;
    pile.unplug();
    box.stir(pile.connectorId);
    this.#next();
  }

  #byOrder(staysMs: number): void {
    const { dice } = this.#parts;
    this.#after(dice.between(5000, 40_000), () => this.#order(staysMs, 1));
  }

  #order(staysMs: number, tries: number): void {
    const { dice, box, pile, bookings } = this.#parts;
    if (!this.#isThere) return;
    box.stir(pile.connectorId);
    const holdMinor = dice.chance(0.2) ? dice.between(50, 400) : null;
    const { partner, reservationId } = bookings.asking();
    if (dice.chance(0.05)) partner.start(pile.connectorId, { holdMinor: null, reservationId }, () => {});
    partner.start(pile.connectorId, { holdMinor, reservationId }, (outcome) => {
      if (outcome === 'no-answer') return;
      if ('operation' in outcome)
        return this.#follow({ partner, orderId: outcome.operation.order_id ?? '', staysMs, holdMinor });
      if (tries < 3) this.#after(dice.between(5000, 60_000), () => this.#order(staysMs, tries + 1));
    });
  }

  /** What becomes of an order: cancelled at once, stopped, or left to the car. */
  #follow({ partner, orderId, staysMs, holdMinor }: Followed): void {
    const { dice, box, pile } = this.#parts;
    const stop = () => {
      box.stir(pile.connectorId);
      partner.stop(orderId);
    };
    if (dice.chance(0.2)) return this.#after(dice.span(dice.pick([400, 20_000])), stop);
    if (holdMinor !== null)
      this.#after(dice.between(0, staysMs), () => partner.raise(orderId, holdMinor + dice.between(1, 500)));
    if (!dice.chance(0.6)) return;
    const stopsMs = dice.between(0, staysMs);
    this.#after(stopsMs, stop);
    if (dice.chance(0.2)) this.#after(stopsMs + dice.span(3000), stop);
  }

  #byCard(staysMs: number): void {
    const { dice } = this.#parts;
    const card = dice.pick(this.#parts.cards);
    this.#after(dice.between(5000, 60_000), () => this.#show(card));
    if (dice.chance(0.5)) this.#after(dice.between(90_000, Math.max(90_000, staysMs)), () => this.#show(card));
  }

  #show(card: string): void {
    const { box, pile } = this.#parts;
    if (!this.#isThere) return;
    box.stir();
    box.process?.connectors.get(pile.connectorId)?.present(card);
  }
}
