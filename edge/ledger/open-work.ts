import type { FaultCode } from '#shared/faults.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { Command } from '#shared/wire/messages.ts';
import type { Service } from '../control/connector.ts';
import type { KnownDevice } from '../control/known-device.ts';
import type { Occupancy } from '../control/occupancy.ts';
import type { Reservation } from '../control/reservation.ts';
import { restoreSession, type Session } from '../control/session.ts';
import type { Store } from './store.ts';
import { parseStored } from './store-trouble.ts';

/** What was still open when the process last ended, and what is known of every connector. */
export interface OpenWork {
  readonly sessions: readonly Session[];
  /**
   * Sessions out of a backup. They may have ended since it was made, and another charge may run in their place, so they
   * are never adopted as running: they end with what the backup knew.
   */
  readonly restored: ReadonlySet<string>;
  /** Received and not finished, in order of arrival. */
  readonly commands: readonly Command[];
  /** Commands that were cancelled and are not undone yet: they follow the commands. */
  readonly cancelled: readonly string[];
  readonly latches: ReadonlyMap<string, readonly FaultCode[]>;
  readonly devices: ReadonlyMap<string, KnownDevice>;
  readonly service: ReadonlyMap<string, Service>;
  /** Vehicles that stayed after their charge, by connector. */
  readonly occupancies: ReadonlyMap<string, Occupancy>;
  /** What connectors are held for. */
  readonly reservations: ReadonlyMap<string, Reservation>;
  /** Site inputs that have latched. */
  readonly inputs: readonly string[];
}

/** @param now what is left of a start's time to live is told by how long ago it came in */
export function openWorkIn(store: Store, now: Stamp): OpenWork {
  // A start that the cloud has refused is not known to it either.
  const unacknowledged = new Set(
    store
      .rows(
        `SELECT session_id AS id FROM outbox WHERE kind = 'session.started' UNION
         SELECT body ->> 'sessionId' FROM dead_letters WHERE body ->> 'kind' = 'session.started' UNION
         SELECT body ->> 'reservationId' FROM outbox WHERE kind = 'reservation.active' UNION
         SELECT body ->> 'reservationId' FROM dead_letters WHERE body ->> 'kind' = 'reservation.active'`,
      )
      .map((row) => String(row.id)),
  );
  const open = store.rows(`SELECT session_id, origin, body FROM sessions WHERE is_open = 1`);
  const sessions = open.map((row): Session => {
    const session = restoreSession(parseStored(row.body));
    return { ...session, acknowledged: session.confirmed && !unacknowledged.has(session.sessionId) };
  });
  const reservations = new Map(
    [...perConnector<Reservation>(store, 'reservations', 'body')].map(([connectorId, held]): [string, Reservation] => [
      connectorId,
      { ...held, acknowledged: !unacknowledged.has(held.reservationId) },
    ]),
  );
  const commands = store
    .rows(`SELECT body, at FROM inbox WHERE status = 'received' AND body IS NOT NULL ORDER BY rowid`)
    .map((row) => aged(parseStored(row.body), parseStored(row.at), now));
  const cancelled = store
    .rows(`SELECT command_id, status FROM inbox WHERE is_cancelled = 1 ORDER BY rowid`)
    .filter(
      (row) =>
        row.status === 'received' ||
        [...sessions, ...reservations.values()].some(({ commandId }) => commandId === String(row.command_id)),
    )
    .map((row) => String(row.command_id));
  return {
    sessions,
    restored: new Set(open.filter((row) => row.origin === 'restored').map((row) => String(row.session_id))),
    commands,
    cancelled,
    latches: perConnector(store, 'latches', 'faults'),
    devices: perConnector(store, 'devices', 'body'),
    service: perConnector(store, 'service', 'body'),
    occupancies: perConnector(store, 'occupancies', 'body'),
    reservations,
    inputs: store.rows(`SELECT input_id FROM inputs ORDER BY input_id`).map((row) => String(row.input_id)),
  };
}

function perConnector<Value>(
  store: Store,
  table: 'latches' | 'devices' | 'service' | 'occupancies' | 'reservations',
  column: 'faults' | 'body',
) {
  const rows = store.rows(`SELECT connector_id, ${column} AS body FROM ${table}`);
  return new Map(rows.map((row): [string, Value] => [String(row.connector_id), parseStored<Value>(row.body)]));
}

/** What connectors are held for, by the store. */
export const reservationsIn = (store: Store): { reservationId: string; connectorId: string }[] =>
  store
    .rows(`SELECT connector_id, body ->> 'reservationId' AS id FROM reservations ORDER BY connector_id`)
    .map((row) => ({ reservationId: String(row.id), connectorId: String(row.connector_id) }));

/** A command taken up again later. One that expires and came in during another boot has no time left that anybody could know. */
function aged(command: Command, at: Stamp, now: Stamp): Command {
  if (!('ttlMs' in command)) return command;
  // It may have been written to the pile just before the end: nobody would want a second reboot, of a pile in use by then.
  if (command.kind === 'maintain' && (command.action === 'reboot' || command.action === 'unlock'))
    return { ...command, ttlMs: 0 };
  const ageMs = at.bootId === now.bootId ? Math.max(0, now.monoMs - at.monoMs) : command.ttlMs;
  return { ...command, ttlMs: command.ttlMs - ageMs };
}
