import type { Stamp } from '#shared/stamp.ts';
import type { Command } from '#shared/wire/messages.ts';
import type { RecordBody, RecordOf } from '#shared/wire/records.ts';
import { append } from './outbox.ts';
import type { Store } from './store.ts';
import { parseStored } from './store-trouble.ts';

/** `new`: to be executed. `known`: executed, or being executed, already. `cancelled`: never to be executed. */
export type Admission = 'new' | 'known' | 'cancelled';

/** `received`: without a final outcome. */
export type CommandStatus = RecordOf<'command.reported'>['status'];

/** How a command stands; null when it has not been taken in. */
export function statusIn(store: Store, commandId: string): CommandStatus | null {
  const row = store.row(`SELECT status FROM inbox WHERE command_id = ?`, commandId);
  return row === undefined ? null : (row.status as CommandStatus);
}

/** Within a transaction: takes a command in, once, and reports that it was received. */
export function admitIn(store: Store, command: Command, at: Stamp, storedWallMs: number | null): Admission {
  const known = store.row(`SELECT status, is_cancelled FROM inbox WHERE command_id = ?`, command.commandId);
  if (known !== undefined) return known.is_cancelled === 1 && known.status !== 'received' ? 'cancelled' : 'known';
  store.run(
    `INSERT INTO inbox (command_id, status, at, body, stored_wall_ms) VALUES (?, 'received', ?, ?, ?)`,
    command.commandId,
    JSON.stringify(at),
    JSON.stringify(command),
    storedWallMs,
  );
  append(store, report(command.commandId, 'received', null), at, storedWallMs);
  return 'new';
}

/**
 * Within a transaction: takes a cancel in. A command that has not come yet, or that nobody has acted on, is failed here and
 * now, so that it is refused if it comes late.
 *
 * @returns whether the command may be running and has to be undone
 */
export function cancelIn(
  store: Store,
  commandId: string,
  at: Stamp,
  storedWallMs: number | null,
  hasBeenActedOn: boolean,
): boolean {
  const known = store.row(`SELECT status FROM inbox WHERE command_id = ?`, commandId);
  if (known !== undefined) {
    store.run(`UPDATE inbox SET is_cancelled = 1 WHERE command_id = ?`, commandId);
    if (hasBeenActedOn || known.status !== 'received') return true;
    append(store, report(commandId, 'failed', 'command.cancelled'), at, storedWallMs);
    return false;
  }
  store.run(
    `INSERT INTO inbox (command_id, status, is_cancelled, at, stored_wall_ms) VALUES (?, 'received', 1, ?, ?)`,
    commandId,
    JSON.stringify(at),
    storedWallMs,
  );
  append(store, report(commandId, 'failed', 'command.cancelled'), at, storedWallMs);
  return false;
}

/** A command's final outcome, if it has one. */
export function outcomeOf(store: Store, commandId: string): RecordBody | null {
  const row = store.row(`SELECT outcome FROM inbox WHERE command_id = ? AND outcome IS NOT NULL`, commandId);
  return row === undefined ? null : parseStored<RecordBody>(row.outcome);
}

function report(commandId: string, status: 'received' | 'failed', code: 'command.cancelled' | null): RecordBody {
  return { kind: 'command.reported', commandId, status, sessionId: null, code, detail: null };
}
