import type { Database as Sqlite } from 'better-sqlite3';
import type { RecordBody } from '#shared/wire/records.ts';
import type { Holds } from './holds.ts';

/** More are not open, or being closed, at one time. */
const LATEST = 20;

interface SessionRow {
  readonly session_id: string;
  readonly is_open: number;
  readonly is_confirmed: number | null;
  readonly presented: string | null;
}

/**
 * Looked at after each commit: what a power cut would leave. A state and the record that tells of it are there together, or neither
 * is; every commit is a place where the power may go, so none of this may become true only one commit later. And each command
 * ends in one way, however often that is told.
 */
export class EachCommit {
  readonly #started = new Set<string>();
  readonly #ended = new Set<string>();
  readonly #reported = new Set<string>();
  /** How a command has ended, by its id. */
  readonly #outcomes = new Map<string, string>();
  readonly #holds: Holds;
  readonly #onViolation: (invariant: string, detail: string) => void;

  /** @param onViolation hears what does not hold */
  constructor(holds: Holds, onViolation: (invariant: string, detail: string) => void) {
    this.#holds = holds;
    this.#onViolation = onViolation;
  }

  /** Committed, of whatever epoch. */
  note(body: RecordBody): void {
    this.#holds.note(body);
    if (body.kind === 'session.started') this.#started.add(body.sessionId);
    if (body.kind === 'session.ended') this.#ended.add(body.cdr.sessionId);
    if (body.kind !== 'command.reported') return;
    const { commandId, status, sessionId, code } = body;
    this.#reported.add(`${commandId} ${status}`);
    if (status === 'received') return;
    const outcome = `${status} ${sessionId} ${code}`;
    const before = this.#outcomes.get(commandId) ?? outcome;
    this.#outcomes.set(commandId, before);
    if (before !== outcome)
      this.#onViolation('a command has one outcome', `command ${commandId}: ${before}, then ${outcome}`);
  }

  check(database: Sqlite): void {
    const sessions = database.prepare<[number], SessionRow>(
      `SELECT session_id, is_open, body ->> 'confirmed' AS is_confirmed, body ->> 'reservationId' AS presented FROM sessions ORDER BY rowid DESC LIMIT ?`,
    );
    const latest = sessions.all(LATEST);
    for (const { session_id: id, is_open: isOpen, is_confirmed: isConfirmed } of latest) {
      if ((isOpen === 0) !== this.#ended.has(id)) this.#half(`session ${id}`, isOpen === 0 ? 'is closed' : 'is open');
      if (isConfirmed === 1 && !this.#started.has(id)) this.#half(`session ${id}`, 'is confirmed');
    }
    const inbox = database.prepare<[number], { command_id: string; status: string }>(
      `SELECT command_id, status FROM inbox ORDER BY rowid DESC LIMIT ?`,
    );
    for (const { command_id: id, status } of inbox.all(LATEST))
      if (!this.#reported.has(`${id} ${status}`)) this.#half(`command ${id}`, `is ${status}`);
    const held = database.prepare<[], { connector_id: string; id: string }>(
      `SELECT connector_id, body ->> 'reservationId' AS id FROM reservations ORDER BY connector_id`,
    );
    const rows = held.all();
    for (const { connector_id: connectorId, id } of rows)
      if (this.#holds.open.get(connectorId)?.reservationId !== id) this.#half(`reservation ${id}`, 'is held');
    if (rows.length !== this.#holds.open.size) this.#half('a reservation', 'is not held');
    for (const { session_id: id, is_confirmed: isConfirmed, presented } of latest)
      if (isConfirmed === 1 && rows.some((row) => row.id === presented)) this.#half(`session ${id}`, 'holds on');
  }

  #half(what: string, how: string): void {
    this.#onViolation('a commit is whole', `${what} ${how}, and its records do not say so`);
  }
}
