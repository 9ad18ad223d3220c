import type { Logger } from 'pino';
import type { Stamp } from '#shared/stamp.ts';
import type { Command } from '#shared/wire/messages.ts';
import type { Admission } from '../ledger/inbox.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { isStoreError, StoreInDoubt } from '../ledger/store-trouble.ts';

export interface IntakeParts {
  readonly ledger: Ledger;
  readonly stamp: () => Stamp;
  readonly log: Logger;
  /** Commands that have been acted on already: those that were open when the process began. */
  readonly actedOn: readonly string[];
  readonly onCommand: (command: Command) => void;
  readonly onCancel: (commandId: string) => void;
}

/** Of more commands those that have their outcome are forgotten: the ledger knows them. */
const MOST_REMEMBERED = 1000;

/**
 * Takes commands and cancels in, and has each acted on once. That the ledger knows a command is no proof that anybody has
 * acted on it: its commit may have been in doubt, or have met damage, after it was stored.
 */
export class CommandIntake {
  readonly #parts: IntakeParts;
  readonly #actedOn: Set<string>;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#actedOn = new Set(parts.actedOn);
  }

  /** @throws SqliteError or StoreInDoubt when it could not be taken in: the cloud sends it again */
  take(command: Command): void {
    const { ledger, stamp, log } = this.#parts;
    const { commandId, requestId, connectorId, kind } = command;
    const admission = kind === 'stop' ? this.#takeInStop(command) : ledger.admit(command, stamp());
    log.info({ commandId, requestId, connectorId, kind, admission }, 'command arrives');
    const isOpen = admission === 'new' || ledger.statusOf(commandId) === 'received';
    if (isOpen) this.#actOn(command);
    else ledger.reportAgain(commandId, stamp());
    this.#forgetFinished();
  }

  /** A cancel acts though it cannot be recorded; the cloud sends it again. @throws SqliteError or StoreInDoubt */
  cancel(commandId: string): void {
    const { ledger, stamp, onCancel } = this.#parts;
    try {
      if (ledger.cancel(commandId, stamp(), this.#actedOn.has(commandId))) onCancel(commandId);
    } catch (error) {
      if (isStoreError(error)) onCancel(commandId);
      throw error;
    }
  }

  /** A stop waits for no disk: it acts, and is taken in after. One that is stored nowhere acts again when it comes again. */
  #takeInStop(command: Command): Admission {
    const { ledger, stamp } = this.#parts;
    const { commandId } = command;
    const isRepeated = this.#actedOn.has(commandId);
    if (this.#mayBeOpen(commandId)) this.#actOn(command);
    try {
      return ledger.admit(command, stamp());
    } catch (error) {
      if (!isRepeated && !(error instanceof StoreInDoubt)) this.#actedOn.delete(commandId);
      throw error;
    }
  }

  /** Once in the life of a process. */
  #actOn(command: Command): void {
    if (this.#actedOn.has(command.commandId)) return;
    this.#actedOn.add(command.commandId);
    this.#parts.onCommand(command);
  }

  #forgetFinished(): void {
    if (this.#actedOn.size <= MOST_REMEMBERED) return;
    for (const commandId of this.#actedOn)
      if (this.#parts.ledger.statusOf(commandId) !== 'received') this.#actedOn.delete(commandId);
  }

  /** As far as can be seen, it has no final outcome. */
  #mayBeOpen(commandId: string): boolean {
    try {
      const status = this.#parts.ledger.statusOf(commandId);
      return status === null || status === 'received';
    } catch (error) {
      if (isStoreError(error)) return true;
      throw error;
    }
  }
}
