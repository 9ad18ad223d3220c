import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import type { Priority } from '../bus/exchange.ts';
import { LineError } from '../bus/line-error.ts';
import type { TripOutputConfig } from '../config/site-io.ts';
import type { LedgerTransaction } from '../control/connector.ts';
import {
  decideOutput,
  type OutputEvent,
  type OutputFacts,
  type OutputState,
  restoreRefusal,
  trippedLevel,
} from '../control/inputs/output.ts';
import type { IoBoard, IoLook } from '../devices/io/io-board.ts';

export interface TripOutputParts {
  readonly config: TripOutputConfig;
  readonly facts: OutputFacts;
  readonly initial: OutputState;
  readonly board: IoBoard;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly newId: () => string;
  readonly log: Logger;
  readonly store: (transaction: LedgerTransaction) => void;
  /** What the output has against a charge may be another. */
  readonly onChange: () => void;
}

/** A contactor or breaker that has not opened by then does not open: field firmware allows 0.5 to 2 s. */
const FEEDBACK_WITHIN_MS = 2000;
const FEEDBACK_EVERY_MS = 100;

const never = (): boolean => false;

/** One relay that cuts piles off, and proves it. */
export class TripOutput {
  readonly config: TripOutputConfig;
  readonly facts: OutputFacts;
  readonly #parts: TripOutputParts;
  #state: OutputState;
  #tripping: Promise<void> | null = null;
  /** How often it was tripped: what was begun before the last time has no more say. */
  #trips = 0;

  constructor(parts: TripOutputParts) {
    this.#parts = parts;
    this.config = parts.config;
    this.facts = parts.facts;
    this.#state = parts.initial;
  }

  get state(): OutputState {
    return this.#state;
  }

  /** Takes what the board's poll has shown. */
  see(look: IoLook, askedMonoMs: number): void {
    const write = this.#decide({ kind: 'look', isOn: look.isOn(this.config.channel), askedMonoMs });
    if (write !== null) void this.#keep(write);
  }

  /** Time passes: one that is not seen for too long is told of. */
  tick(): void {
    this.#decide({ kind: 'tick' });
  }

  /**
   * Cuts the supply off before anything else on the line, and reads it back; several who want it at once share one trip.
   *
   * @throws LineError when the relay does not read back as written, or the contactor behind it is not seen to open
   */
  trip(because: string): Promise<void> {
    this.#tripping ??= this.#trip(because).finally(() => {
      this.#tripping = null;
    });
    return this.#tripping;
  }

  /**
   * Puts the supply back, for a technician only. Returns why not.
   *
   * @throws LineError when the relay does not read back as written
   */
  async restore(): Promise<string | null> {
    const { outputId } = this.config;
    // Until its contactor is seen to open, whoever orders another trip is given this one.
    if (this.#tripping !== null) return `${outputId} is being tripped: try again`;
    const refused = restoreRefusal(this.#state, this.facts);
    if (refused !== null) return refused;
    await this.#writing(async (isSuperseded) => {
      await this.#switch(!trippedLevel(this.facts), 'command', isSuperseded);
      if (isSuperseded()) throw new LineError('superseded', `${outputId} is tripped again`);
      this.#decide({ kind: 'restored' });
    });
    return null;
  }

  async #trip(because: string): Promise<void> {
    this.#trips += 1;
    this.#decide({ kind: 'trip', because });
    try {
      await this.#switch(trippedLevel(this.facts), 'stop', never);
    } finally {
      this.#decide({ kind: 'write-ended' });
    }
    await this.#seeSupplyOff();
  }

  /** Of what a trip supersedes: it is not written any more, and its end is not the end of the trip's own write. */
  async #writing(write: (isSuperseded: () => boolean) => Promise<void>): Promise<void> {
    const trips = this.#trips;
    const isSuperseded = () => this.#trips !== trips;
    this.#decide({ kind: 'writing' });
    try {
      await write(isSuperseded);
    } finally {
      if (!isSuperseded()) this.#decide({ kind: 'write-ended' });
    }
  }

  /** @throws LineError */
  async #switch(on: boolean, priority: Priority, isSuperseded: () => boolean): Promise<void> {
    const { board, log } = this.#parts;
    const { channel, outputId } = this.config;
    await board.write(channel, on, priority, isSuperseded);
    const look = await board.read(priority);
    log.info({ outputId, on, readsBack: look.isOn(channel) }, 'trip output is written');
    if (look.isOn(channel) !== on)
      throw new LineError('mismatch', `relay ${channel} of ${outputId} does not read back`);
  }

  /** Where an auxiliary contact tells of it. @throws LineError */
  async #seeSupplyOff(): Promise<void> {
    const { feedback, outputId } = this.config;
    if (feedback === undefined) return;
    const { board, clock, timers } = this.#parts;
    const untilMonoMs = clock.monoMs() + FEEDBACK_WITHIN_MS;
    for (;;) {
      const look = await board.read('command');
      if (look.isClosed(feedback.channel) !== (feedback.suppliedWhen === 'closed')) return;
      if (clock.monoMs() > untilMonoMs) throw new LineError('timeout', `the supply behind ${outputId} does not open`);
      await new Promise<void>((resolve) => {
        timers.after(FEEDBACK_EVERY_MS, resolve);
      });
    }
  }

  /** The relay is not as it has to be: the end of a pulse, or a trip that the board has lost. The next look judges again. */
  async #keep(on: boolean): Promise<void> {
    const { log, board } = this.#parts;
    const { channel, outputId } = this.config;
    log.warn({ outputId, on }, 'trip output is not as it has to be, and is written again');
    try {
      await this.#writing((isSuperseded) => board.write(channel, on, 'command', isSuperseded));
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      log.warn({ outputId, failure: error.failure, detail: error.message }, 'trip output could not be written');
    }
  }

  #decide(event: OutputEvent): boolean | null {
    const { facts, clock, newId, store, onChange, log } = this.#parts;
    const before = this.#state;
    const {
      state,
      store: transaction,
      write,
    } = decideOutput(before, event, { facts, newId, nowMonoMs: clock.monoMs() });
    this.#state = state;
    if (before.tripped !== state.tripped) log.warn({ outputId: facts.outputId, tripped: state.tripped }, 'trip output');
    if (transaction !== null) store(transaction);
    if (before !== state) onChange();
    return write;
  }
}
