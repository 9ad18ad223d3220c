import type { Logger } from 'pino';
import type { Clock, Timers } from '#shared/clock.ts';
import { LineError } from '../bus/line-error.ts';
import type { SiteDevices, SiteIoBoard } from '../config/site-devices.ts';
import { inputFactsOf, isCovered, outputFactsOf } from '../config/site-io.ts';
import type { LedgerTransaction } from '../control/connector.ts';
import { type Influence, noInfluence, type Objection } from '../control/influence.ts';
import { inputObjection, inputResetRefusal, newInput } from '../control/inputs/input.ts';
import { newOutput, outputObjection } from '../control/inputs/output.ts';
import { IoBoard } from '../devices/io/io-board.ts';
import { CommitQueue } from './commit-queue.ts';
import { IoLoop, type WatchedInput } from './io-loop.ts';
import { type InputView, type OutputView, viewOfInput, viewOfOutput } from './io-views.ts';
import type { SiteLine } from './site-lines.ts';
import { TripOutput } from './trip-output.ts';

export interface SiteIoParts {
  readonly devices: Pick<SiteDevices, 'piles' | 'io'>;
  /** Inputs and outputs that were latched when the process last ended. */
  readonly latched: readonly string[];
  readonly line: (lineId: string) => Pick<SiteLine, 'modbus'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly newId: () => string;
  readonly log: Logger;
  readonly commit: (transaction: LedgerTransaction) => Promise<void>;
  /** What the site's inputs and outputs have to say in a connector is another. */
  readonly onInfluence: (connectorId: string, influence: Influence) => void;
}

/** What a technician's reset came to. */
export type ResetResult = { readonly refused: string } | { readonly done: true };

interface Board {
  readonly loop: IoLoop;
  readonly inputs: readonly WatchedInput[];
  readonly outputs: readonly TripOutput[];
}

/** Every input that watches over the whole site, and every output that cuts piles off. */
export class SiteIo {
  readonly #parts: SiteIoParts;
  readonly #commits: CommitQueue;
  readonly #boards: ReadonlyMap<string, Board>;
  readonly #told = new Map<string, string>();

  constructor(parts: SiteIoParts) {
    this.#parts = parts;
    this.#commits = new CommitQueue(parts);
    this.#boards = new Map(parts.devices.io.map((board) => [board.config.boardId, this.#board(board)]));
  }

  start(): void {
    this.#tell();
    for (const { loop } of this.#boards.values()) loop.start();
  }

  /** Ends the looks, and stores what has been decided. Relays stay as they are. */
  async close(): Promise<void> {
    await Promise.all([...this.#boards.values()].map(({ loop }) => loop.stop()));
    await this.#commits.end();
  }

  /** The store was damaged and another has taken its place: what is latched here is put into it. */
  storeAgain(): void {
    for (const { inputs, outputs } of this.#boards.values()) {
      for (const { facts, state } of inputs) this.#putLatch(facts.inputId, state.latched);
      for (const { facts, state } of outputs) this.#putLatch(facts.outputId, state.tripped);
    }
  }

  #putLatch(inputId: string, latched: boolean): void {
    this.#commits.add({ session: null, records: [], inputs: { inputId, latched } });
  }

  inputs(): InputView[] {
    return [...this.#boards].flatMap(([boardId, { inputs }]) => inputs.map((input) => viewOfInput(boardId, input)));
  }

  outputs(): OutputView[] {
    return [...this.#boards].flatMap(([boardId, { outputs }]) =>
      outputs.map((output) => viewOfOutput(boardId, output)),
    );
  }

  /** Whether the site can cut a connector off. */
  hasTrip(connectorId: string): boolean {
    return this.#tripOutput(connectorId) !== undefined;
  }

  /**
   * Cuts a connector off, with everything else behind the same output. Resolves when that is proven as far as the site
   * can see.
   *
   * @throws LineError when the board does not take it, or the contactor is not seen to open
   */
  async trip(connectorId: string): Promise<void> {
    const output = this.#tripOutput(connectorId);
    if (output === undefined) throw new TypeError(`no trip output for ${connectorId}`);
    await output.trip(`${connectorId} could not be stopped otherwise`);
  }

  /** A technician has looked at what an input watches. */
  resetInput(inputId: string): ResetResult {
    for (const { inputs, loop } of this.#boards.values()) {
      const input = inputs.find(({ facts }) => facts.inputId === inputId);
      if (input === undefined) continue;
      const refused = inputResetRefusal(input.state, input.facts);
      if (refused !== null) return { refused };
      loop.reset(input);
      return { done: true };
    }
    return { refused: `no input ${inputId}` };
  }

  /** A technician puts a supply back; not while an input demands that something behind it is off. */
  async resetOutput(outputId: string): Promise<ResetResult> {
    const output = this.#outputs().find(({ facts }) => facts.outputId === outputId);
    if (output === undefined) return { refused: `no trip output ${outputId}` };
    const stops = output.config.trips.map((connectorId) => this.#influence(connectorId).stop);
    const demand = stops.find((stop) => stop !== null);
    if (demand !== undefined && demand !== null) return { refused: demand.detail };
    try {
      const refused = await output.restore();
      return refused === null ? { done: true } : { refused };
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      return { refused: error.message };
    }
  }

  #outputs(): TripOutput[] {
    return [...this.#boards.values()].flatMap(({ outputs }) => outputs);
  }

  #tripOutput(connectorId: string): TripOutput | undefined {
    return this.#outputs().find(({ config }) => config.trips.includes(connectorId));
  }

  #board({ config, profile }: SiteIoBoard): Board {
    const { latched, clock, line, log } = this.#parts;
    const nowMonoMs = clock.monoMs();
    const board = new IoBoard(profile, { modbus: line(config.lineId).modbus, unit: config.unit });
    const shared = {
      ...this.#parts,
      board,
      log: log.child({ boardId: config.boardId }),
      store: (transaction: LedgerTransaction) => this.#commits.add(transaction),
      onChange: () => this.#tell(),
    };
    const inputs = config.inputs.map((input): WatchedInput => {
      const state = newInput(latched.includes(input.inputId), nowMonoMs);
      return { config: input, facts: inputFactsOf(input), state };
    });
    const outputs = config.outputs.map((output) => {
      const initial = newOutput(latched.includes(output.outputId), nowMonoMs);
      return new TripOutput({ ...shared, config: output, facts: outputFactsOf(output), initial });
    });
    return { loop: new IoLoop({ ...shared, inputs, outputs }), inputs, outputs };
  }

  #influence(connectorId: string): Influence {
    const refuse: Objection[] = [];
    let stop: Objection | null = null;
    for (const { inputs, outputs } of this.#boards.values()) {
      for (const { config, facts, state } of inputs) {
        const found = isCovered(config, connectorId) ? inputObjection(state, facts) : null;
        if (found === null) continue;
        if (found.isStop && stop === null) stop = found.objection;
        else refuse.push(found.objection);
      }
      for (const { config, facts, state } of outputs) {
        const objection = config.trips.includes(connectorId) ? outputObjection(state, facts) : null;
        if (objection !== null) refuse.push(objection);
      }
    }
    return { ...noInfluence, refuse, stop };
  }

  /** Says what has changed since it was last said. */
  #tell(): void {
    const { devices, onInfluence } = this.#parts;
    for (const { config } of devices.piles) {
      const influence = this.#influence(config.connectorId);
      const text = JSON.stringify(influence);
      if (this.#told.get(config.connectorId) === text) continue;
      this.#told.set(config.connectorId, text);
      onInfluence(config.connectorId, influence);
    }
  }
}
