import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import { LineError } from '../bus/line-error.ts';
import type { LedgerTransaction } from '../control/connector.ts';
import { decideParking } from '../control/parking/decide.ts';
import {
  barringMove,
  freeingMove,
  type Move,
  type MoveFailure,
  type MoveResult,
  mayBeBarring,
  newParking,
  type ParkingEvent,
  type ParkingFacts,
  type ParkingOrder,
  type ParkingState,
  PROOF_LASTS_MS,
} from '../control/parking/parking.ts';
import type { ParkingDevice } from '../devices/framed/parking-device.ts';
import { CommitQueue } from './commit-queue.ts';
import { Pace } from './pace.ts';

export interface ParkingLoopParts {
  readonly facts: ParkingFacts;
  readonly device: ParkingDevice;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly newId: () => string;
  readonly log: Logger;
  /** Resolves when the transaction is on disk. */
  readonly commit: (transaction: LedgerTransaction) => Promise<void>;
  /** Something that others see has changed. */
  readonly onChange: () => void;
}

/** `stopped`: the loop ended before the command did. */
export type CommandResult = MoveResult | { readonly kind: 'failed'; readonly reason: MoveFailure | 'stopped' };

/** While it moves it is looked at more often: a car may come. */
const MOVING_POLL_MS = 500;

/**
 * Runs one ground lock or barrier at its own pace: poll, decide, act, look again. Decisions are made by the pure
 * machine; this shell only carries readings in and orders out.
 */
export class ParkingLoop {
  readonly #parts: ParkingLoopParts;
  readonly #pace: Pace;
  readonly #commits: CommitQueue;
  readonly #waiting = new Map<string, (result: CommandResult) => void>();
  #state: ParkingState = newParking;
  #done: Promise<void> = Promise.resolve();
  #writes: Promise<void> = Promise.resolve();

  constructor(parts: ParkingLoopParts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.timers);
    this.#commits = new CommitQueue(parts);
  }

  get state(): ParkingState {
    return this.#state;
  }

  start(): void {
    this.#done = this.#run();
  }

  /**
   * Ends the loop after what is under way, and what has been decided is stored. The device is left as it is, unless it
   * is just barring the bay: nobody would be there to see a car come.
   */
  async stop(): Promise<void> {
    const { facts } = this.#parts;
    if (mayBeBarring(this.#state, facts)) void this.command(freeingMove(facts), 'shutdown');
    this.#pace.end();
    await this.#done;
    await this.#writes;
    for (const tell of this.#waiting.values()) tell({ kind: 'failed', reason: 'stopped' });
    this.#waiting.clear();
    await this.#commits.end();
  }

  /**
   * Moves the device. Freeing the bay (lowering a lock, raising a barrier) is always tried, also in fault, and ends a
   * barring move that is under way.
   *
   * @param by who wants it, for the log
   * @returns when the device is seen where it should be, or why it is not
   */
  command(move: Move, by: string): Promise<CommandResult> {
    if (this.#pace.isOver) return Promise.resolve({ kind: 'failed', reason: 'stopped' });
    const command = { commandId: this.#parts.newId(), move, by };
    this.#parts.log.info(command, 'parking device is commanded');
    return new Promise((resolve) => {
      this.#waiting.set(command.commandId, resolve);
      this.#dispatch({ kind: 'command', command });
    });
  }

  #dispatch(event: ParkingEvent): void {
    const { facts, newId, clock } = this.#parts;
    const before = this.#state;
    const { state, orders } = decideParking(before, event, { facts, newId, nowMonoMs: clock.monoMs() });
    this.#state = state;
    this.#tellChange(before, state);
    for (const order of orders) this.#carryOut(order);
  }

  #tellChange(before: ParkingState, after: ParkingState): void {
    if (before.fault !== after.fault)
      this.#parts.log.info({ from: before.fault, to: after.fault }, 'parking fault changes');
    const isSame =
      before.fault === after.fault &&
      before.reading?.position === after.reading?.position &&
      before.reading?.bay === after.reading?.bay;
    if (!isSame) this.#parts.onChange();
  }

  async #run(): Promise<void> {
    const { clock, device } = this.#parts;
    const { pollMs } = device.profile.timing;
    while (!this.#pace.isOver) {
      const startedMonoMs = clock.monoMs();
      this.#pace.begin();
      this.#dispatch({ kind: 'tick' });
      await this.#poll(startedMonoMs);
      const everyMs = this.#state.task === null ? pollMs : Math.min(pollMs, MOVING_POLL_MS);
      await this.#pace.pause(startedMonoMs + everyMs - clock.monoMs());
    }
  }

  async #poll(requestedMonoMs: number): Promise<void> {
    try {
      const reading = await this.#parts.device.read();
      this.#dispatch({ kind: 'reading', reading, requestedMonoMs });
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      this.#dispatch({ kind: 'read-failed' });
    }
  }

  #carryOut(order: ParkingOrder): void {
    switch (order.kind) {
      case 'query':
        return this.#pace.hurry();
      case 'write':
        if (this.#pace.isOver && order.move === barringMove(this.#parts.facts)) return;
        this.#writes = Promise.all([this.#writes, this.#write(order.move)]).then(() => {});
        return;
      case 'record':
        return this.#commits.add({ session: null, records: [order.record] });
      case 'result':
        return this.#answer(order);
    }
  }

  async #write(move: Move): Promise<void> {
    const { device, log, clock, facts } = this.#parts;
    const { task } = this.#state;
    const orderedMonoMs = clock.monoMs();
    const isOld = () => this.#state.task !== task || clock.monoMs() - orderedMonoMs > PROOF_LASTS_MS;
    try {
      await device.move(move, () => move === barringMove(facts) && isOld());
      log.info({ move }, 'parking device takes the command');
      this.#dispatch({ kind: 'written', move });
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      const { failure, message } = error;
      if (failure === 'superseded') {
        log.info({ move }, 'parking device is not told: the command is over, or the bay was seen empty too long ago');
        if (this.#state.task === task) this.#dispatch({ kind: 'write-withdrawn', move });
        return;
      }
      log.warn({ move, failure, detail: message }, 'parking device does not take the command');
      this.#dispatch({ kind: 'write-failed', move, refused: failure === 'exception' });
    }
  }

  #answer({ command, result }: Extract<ParkingOrder, { kind: 'result' }>): void {
    const reason = result.kind === 'failed' ? result.reason : null;
    this.#parts.log.info({ ...command, result: result.kind, reason }, 'parking command ends');
    this.#waiting.get(command.commandId)?.(result);
    this.#waiting.delete(command.commandId);
  }
}
