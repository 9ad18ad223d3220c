import type { Timers } from '#shared/clock.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { Refusal } from '../../edge/control/answer.ts';
import type { ChargeWish } from '../../edge/control/charge-wish.ts';
import {
  type Commit,
  type ConnectorEvent,
  type ConnectorFacts,
  type ConnectorState,
  type Context,
  type LedgerTransaction,
  newConnector,
  type Order,
  type Remembered,
  sessionOf,
  type Told,
} from '../../edge/control/connector.ts';
import { decide } from '../../edge/control/decide.ts';
import type { Reservation } from '../../edge/control/reservation.ts';
import type { Dice } from './dice.ts';
import type { Pile } from './pile.ts';

export interface SimConnectorParts {
  readonly facts: ConnectorFacts;
  readonly pile: Pile;
  readonly remembered: Remembered;
  readonly timers: Timers;
  readonly dice: Dice;
  readonly monoMs: () => number;
  readonly stamp: () => Stamp;
  readonly newId: () => string;
  readonly bandChangeMs: Context['bandChangeMs'];
  /** Resolves when the transaction is on disk. */
  readonly commit: (transaction: LedgerTransaction) => Promise<void>;
  readonly onChange: () => void;
  /** The pile is told to deliver. */
  readonly onStart: (sessionId: string, commandId: string | null) => void;
  /** Whenever it is looked at how long the connector has been held. */
  readonly onHeld: (held: Reservation) => void;
  /** The card that lies on the pile's reader. */
  readonly onCard: (connectorId: string, card: string | null) => void;
  readonly onThrow: (error: unknown) => void;
}

const STORE_AGAIN_AFTER_MS = 1000;
const SOON_MS = 150;

/**
 * A connector's loop in simulated time: the real machine decides; looks, writes and commits take their time, and can be cut off
 * between any two of them.
 */
export class SimConnector {
  state: ConnectorState;
  readonly #parts: SimConnectorParts;
  #commits: Promise<void> = Promise.resolve();
  #cancelLook: () => void = () => {};
  #quietLooks = 0;
  #card: string | null = null;
  readonly #asking = new Map<string, (refusal: Required<Refusal> | null) => void>();

  constructor(parts: SimConnectorParts) {
    this.#parts = parts;
    this.state = newConnector(parts.remembered, parts.stamp());
  }

  get facts(): ConnectorFacts {
    return this.#parts.facts;
  }

  start(): void {
    this.dispatch({ kind: 'set-up', result: 'taken' });
    this.#lookIn(SOON_MS);
  }

  /** Something has happened before the pile: the next look comes as soon as a loop would look anyway. */
  stir(): void {
    this.#quietLooks = 0;
    this.#lookIn(this.#parts.dice.between(100, 1000));
  }

  /** A card is laid on the pile's reader until the look after the next. */
  present(card: string): void {
    this.#card = card;
    this.stir();
  }

  begin(wish: ChargeWish, withinMs: number): Promise<Required<Refusal> | null> {
    return new Promise((resolve) => {
      this.#asking.set(wish.requestId, resolve);
      this.dispatch({ kind: 'begin', wish, withinMs });
    });
  }

  dispatch(event: ConnectorEvent): void {
    const { facts, stamp, newId, bandChangeMs, onChange, onHeld } = this.#parts;
    const before = this.state;
    const now = stamp();
    const { state, orders } = decide(before, event, { facts, now, newId, bandChangeMs });
    this.state = state;
    if (state.reservation?.seen === now) onHeld(state.reservation);
    for (const order of orders) this.#carryOut(order);
    if (before.phase.kind !== state.phase.kind || before.reading?.status !== state.reading?.status) onChange();
  }

  #lookIn(ms: number): void {
    this.#cancelLook();
    this.#cancelLook = this.#parts.timers.after(ms, () => this.#look());
  }

  #look(): void {
    const { pile, monoMs, onCard, facts } = this.#parts;
    const requestedMonoMs = monoMs();
    const reading = pile.reading();
    const before = this.state;
    if (reading === null) this.dispatch({ kind: 'poll-failed', heard: false });
    else this.dispatch({ kind: 'reading', reading, requestedMonoMs });
    onCard(facts.connectorId, this.#card);
    this.#card = null;
    const isQuiet =
      before.phase.kind === this.state.phase.kind && this.state.reading?.status === before.reading?.status;
    this.#quietLooks = isQuiet ? this.#quietLooks + 1 : 0;
    this.#lookIn(this.#pauseMs());
  }

  /** Where nothing happens for long, a look now and then will do. */
  #pauseMs(): number {
    const { phase, reading } = this.state;
    if (reading === null) return 1000;
    const isSteady = (phase.kind === 'idle' || phase.kind === 'charging') && this.#quietLooks > 40;
    return isSteady ? 25_000 : phase.kind === 'idle' || phase.kind === 'charging' ? 2000 : 1000;
  }

  #carryOut(order: Order): void {
    switch (order.kind) {
      case 'poll-now':
        return this.#lookIn(SOON_MS);
      case 'write':
        return this.#write(order);
      case 'commit':
        return this.#commit(order);
      case 'answer':
        this.#asking.get(order.requestId)?.(order.refusal);
        this.#asking.delete(order.requestId);
    }
  }

  #write(order: Extract<Order, { kind: 'write' }>): void {
    const { timers, dice, pile, onStart } = this.#parts;
    const { write, limitMa } = order;
    const session = sessionOf(this.state.phase);
    const told: Told = write === 'start' || write === 'limit' ? { write, limitMa: limitMa ?? 0 } : { write };
    timers.after(dice.between(10, 150), () => {
      if (pile.isDeaf) return this.dispatch({ kind: 'write-failed', ...told });
      if (write === 'start' && session !== null) {
        onStart(session.sessionId, session.commandId);
        pile.start(session.sessionId, session.commandId);
      } else if (write === 'softStop' || write === 'hardStop') pile.stop();
      timers.after(dice.between(10, 100), () => this.dispatch({ kind: 'written', ...told }));
    });
  }

  #commit(order: Commit): void {
    this.#commits = this.#commits.then(() => this.#store(order)).catch(this.#parts.onThrow);
  }

  async #store({ answer, transaction }: Commit): Promise<void> {
    const { commit, timers } = this.#parts;
    for (;;) {
      try {
        await commit(transaction);
        if (answer !== null) this.dispatch({ kind: 'durable', sessionId: answer });
        return;
      } catch (error) {
        if (!(error instanceof NotStored)) throw error;
        if (answer !== null) return this.dispatch({ kind: 'store-failed', sessionId: answer });
      }
      await new Promise<void>((resolve) => {
        timers.after(STORE_AGAIN_AFTER_MS, resolve);
      });
    }
  }
}

/** The ledger thread says that a transaction is not stored. */
export class NotStored extends Error {}
