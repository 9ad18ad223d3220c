import type { Timers } from '#shared/clock.ts';
import type { Command } from '#shared/wire/messages.ts';

/** So long a start waits for a clock that can judge it: no start is confirmed later. */
const HELD_AT_MOST_MS = 60_000;

/**
 * Starts and reservations that were left open when the process ended. Until the clock is trusted nobody could judge their expiry, and they
 * would be refused though there is time: they wait for that, and are refused when it does not come. Anything else that was
 * left open is taken up at once.
 */
export class HeldStarts {
  readonly #take: (command: Command) => void;
  readonly #cancelTimer: () => void;
  #held: readonly Command[];

  /** @param begun starts that have a session on disk: they are known, and must not come to be known again after it */
  constructor(
    commands: readonly Command[],
    parts: { take: (command: Command) => void; begun: ReadonlySet<string>; timers: Timers },
  ) {
    this.#take = parts.take;
    const isHeld = ({ kind, commandId }: Command) =>
      (kind === 'start' && !parts.begun.has(commandId)) || kind === 'reserve';
    this.#held = commands.filter(isHeld);
    for (const command of commands) if (!isHeld(command)) parts.take(command);
    this.#cancelTimer = parts.timers.after(HELD_AT_MOST_MS, () => this.release());
  }

  /** The clock is trusted, or there is no more waiting for it. */
  release(): void {
    this.#cancelTimer();
    this.#takeWhere(() => true);
  }

  /** One that is to be cancelled must be there before its cancel. */
  releaseOne(commandId: string): void {
    this.#takeWhere((command) => command.commandId === commandId);
  }

  #takeWhere(isDue: (command: Command) => boolean): void {
    const due = this.#held.filter(isDue);
    this.#held = this.#held.filter((command) => !isDue(command));
    for (const command of due) this.#take(command);
  }
}
