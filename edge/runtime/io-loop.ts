import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import { LineError } from '../bus/line-error.ts';
import type { SiteInputConfig } from '../config/site-io.ts';
import type { LedgerTransaction } from '../control/connector.ts';
import {
  decideInput,
  type InputEvent,
  type InputFacts,
  type InputState,
  LOOK_AGAIN_AFTER_MS,
} from '../control/inputs/input.ts';
import type { IoBoard, IoLook } from '../devices/io/io-board.ts';
import { Pace } from './pace.ts';
import type { TripOutput } from './trip-output.ts';

/** A site input with its contact at the board. */
export interface WatchedInput {
  readonly config: SiteInputConfig;
  readonly facts: InputFacts;
  state: InputState;
}

export interface IoLoopParts {
  readonly board: IoBoard;
  readonly inputs: readonly WatchedInput[];
  readonly outputs: readonly TripOutput[];
  readonly clock: Clock;
  readonly timers: Timers;
  readonly newId: () => string;
  readonly log: Logger;
  readonly store: (transaction: LedgerTransaction) => void;
  /** What an input or output has against a charge may be another. */
  readonly onChange: () => void;
}

/** An input grows old also while a question waits for the line. */
const WATCH_EVERY_MS = 250;
/** A board that was away so long may be another one. */
const FORGOTTEN_AFTER_FAILURES = 3;

/** Looks at one board at its own pace, and carries what it shows to its inputs and outputs. */
export class IoLoop {
  readonly #parts: IoLoopParts;
  readonly #pace: Pace;
  #done: Promise<void> = Promise.resolve();
  #failures = 0;
  #cancelWatch: () => void = () => {};

  constructor(parts: IoLoopParts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.timers);
  }

  start(): void {
    this.#done = this.#run();
    this.#watch();
  }

  /** Ends the loop after what is under way. Relays stay as they are. */
  async stop(): Promise<void> {
    this.#pace.end();
    this.#cancelWatch();
    await this.#done;
  }

  /** A technician resets an input. */
  reset(input: WatchedInput): void {
    this.#decide(input, { kind: 'reset' });
    this.#parts.onChange();
  }

  async #run(): Promise<void> {
    const { clock, board } = this.#parts;
    while (!this.#pace.isOver) {
      const startedMonoMs = clock.monoMs();
      this.#pace.begin();
      await this.#look(startedMonoMs);
      const isChanging = this.#parts.inputs.some(({ state }) => state.change?.to === 'active');
      const nowMonoMs = clock.monoMs();
      const nextMonoMs = startedMonoMs + board.profile.timing.pollMs;
      await this.#pace.pause(isChanging ? LOOK_AGAIN_AFTER_MS : nextMonoMs - nowMonoMs);
    }
  }

  /** Overtakes every poll of the line: an emergency stop must not wait behind the meters. */
  async #look(askedMonoMs: number): Promise<void> {
    const { board, log } = this.#parts;
    try {
      this.#see(await board.read('keep-alive'), askedMonoMs);
      if (this.#failures >= FORGOTTEN_AFTER_FAILURES) log.info('input board answers again');
      this.#failures = 0;
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      this.#failures += 1;
      if (this.#failures === FORGOTTEN_AFTER_FAILURES) {
        log.warn({ failure: error.failure, detail: error.message }, 'input board cannot be read');
        board.forget();
      }
      for (const input of this.#parts.inputs) this.#decide(input, { kind: 'look-failed' });
    }
    this.#parts.onChange();
  }

  #see(look: IoLook, askedMonoMs: number): void {
    const { inputs, outputs } = this.#parts;
    for (const input of inputs) {
      const isActive = look.isClosed(input.config.channel) !== (input.config.normally === 'closed');
      this.#decide(input, { kind: 'look', isActive, askedMonoMs });
    }
    for (const output of outputs) output.see(look, askedMonoMs);
  }

  #decide(input: WatchedInput, event: InputEvent): void {
    const { clock, newId, store, log } = this.#parts;
    const { facts, state: before } = input;
    const { state, store: transaction } = decideInput(before, event, { facts, newId, nowMonoMs: clock.monoMs() });
    input.state = state;
    const { level, latched, lost } = state;
    if (before.level !== level || before.latched !== latched || before.lost !== lost)
      log.info({ inputId: facts.inputId, kind: facts.kind, level, latched, lost }, 'site input changes');
    if (transaction !== null) store(transaction);
  }

  #watch(): void {
    this.#cancelWatch = this.#parts.timers.after(WATCH_EVERY_MS, () => {
      for (const input of this.#parts.inputs) this.#decide(input, { kind: 'tick' });
      for (const output of this.#parts.outputs) output.tick();
      this.#parts.onChange();
      this.#watch();
    });
  }
}
