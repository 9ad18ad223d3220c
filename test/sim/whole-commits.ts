import type { Database as Sqlite } from 'better-sqlite3';
import type { RecordBody } from '#shared/wire/records.ts';

/** More are not open, or being closed, at one time. */
const LATEST = 20;

interface SessionRow {
  readonly session_id: string;
  readonly is_open: number;
  readonly is_confirmed: number | null;
}

/**
 * What a power cut would leave, looked at after each commit: a state and the record that tells of it are there together, or
 * neither is. Every commit is a place where the power may go, so nothing of this may be true only one commit later.
 */
export class WholeCommits {
  readonly #started = new Set<string>();
  readonly #ended = new Set<string>();
  readonly #reported = new Set<string>();
  readonly #onHalf: (detail: string) => void;

  constructor(onHalf: (detail: string) => void) {
    this.#onHalf = onHalf;
  }

  /** Committed, of whatever epoch. */
  note(body: RecordBody): void {
    if (body.kind === 'session.started') this.#started.add(body.sessionId);
    if (body.kind === 'session.ended') this.#ended.add(body.cdr.sessionId);
    if (body.kind === 'command.reported') this.#reported.add(`${body.commandId} ${body.status}`);
  }

  check(database: Sqlite): void {
    const sessions = database.prepare<[number], SessionRow>(
      `SELECT session_id, is_open, body ->> 'confirmed' AS is_confirmed FROM sessions ORDER BY rowid DESC LIMIT ?`,
    );
    for (const { session_id: id, is_open: isOpen, is_confirmed: isConfirmed } of sessions.all(LATEST)) {
      if ((isOpen === 0) !== this.#ended.has(id)) this.#half(`session ${id}`, isOpen === 0 ? 'is closed' : 'is open');
      if (isConfirmed === 1 && !this.#started.has(id)) this.#half(`session ${id}`, 'is confirmed');
    }
    const inbox = database.prepare<[number], { command_id: string; status: string }>(
      `SELECT command_id, status FROM inbox ORDER BY rowid DESC LIMIT ?`,
    );
    for (const { command_id: id, status } of inbox.all(LATEST))
      if (!this.#reported.has(`${id} ${status}`)) this.#half(`command ${id}`, `is ${status}`);
  }

  #half(what: string, how: string): void {
    this.#onHalf(`${what} ${how}, and its records do not say so`);
  }
}
