import Database, { type Database as Sqlite } from 'better-sqlite3';
import { stampSchema } from '#shared/stamp.ts';
import { cdrSchema } from '#shared/wire/cdr.ts';
import { recordBodySchema } from '#shared/wire/records.ts';
import { restoreSession, withMark } from '../control/session.ts';
import { append, type Origin } from './outbox.ts';
import { eachReadableRow } from './readable-rows.ts';
import { type Row, Store } from './store.ts';
import { parseStored } from './store-trouble.ts';

/** What came over from another store, and what of it could not be read, by table. */
export interface Salvaged {
  readonly taken: Readonly<Record<string, number>>;
  readonly lost: readonly string[];
}

/** Told again when records may have been lost: the cloud takes each CDR once, by its own id. */
const CDRS_TOLD_AGAIN = 2000;
const DAY_MS = 86_400_000;
/** Commands older than this cannot come again. */
export const COMMAND_LIFE_MS = 30 * DAY_MS;

type Take = (row: Row) => void;

/**
 * Brings what can be read of another store into a new one: what is open, what the cloud does not have, and what must not
 * be forgotten. Records get new numbers in the new store's own epoch; the cloud knows sessions, CDRs, commands and
 * alarms by their ids, so one that it had already changes nothing there.
 *
 * @param nowMs null when the time is not known: then everything is young enough
 */
export function salvage(from: string, to: Sqlite, origin: Exclude<Origin, 'own'>, nowMs: number | null): Salvaged {
  const store = new Store(to);
  const taken: Record<string, number> = {};
  const lost = new Set<string>();
  const source = openReadOnly(from);
  if (source === null) return { taken, lost: ['everything'] };
  const bring = (table: string, take: Take) => {
    taken[table] = 0;
    const isWhole = to.transaction(() =>
      eachReadableRow(source, table, (row) => {
        if (tookWhole(to, () => take(row))) taken[table] = (taken[table] ?? 0) + 1;
        else lost.add(table);
      }),
    )();
    if (!isWhole) lost.add(table);
  };
  try {
    bring('sessions', (row) => takeSession(store, row, origin));
    bring('cdrs', (row) => takeCdr(store, row, origin));
    bring('inbox', (row) => takeCommand(store, row, origin, nowMs));
    bring('outbox', (row) => takeRecord(store, row, origin));
    for (const [table, columns] of Object.entries(keptAsTheyAre)) {
      if (has(source, table)) bring(table, (row) => copy(store, table, columns, row));
    }
    bring('dead_letters', (row) => takeDeadLetter(store, row));
    bring('meta', (row) => takeTime(store, row));
  } finally {
    source.close();
  }
  store.run(`UPDATE sessions SET is_open = 0 WHERE is_open = 1 AND session_id IN (SELECT session_id FROM cdrs)`);
  if (origin === 'restored' || lost.has('outbox') || lost.has('everything')) tellCdrsAgain(store, origin);
  return { taken, lost: [...lost] };
}

const keptAsTheyAre: Record<string, readonly string[]> = {
  latches: ['connector_id', 'faults'],
  devices: ['connector_id', 'body'],
  service: ['connector_id', 'body'],
  inputs: ['input_id'],
  rules: ['version', 'document', 'is_active'],
};

/** Null when it is no database any more. */
function openReadOnly(path: string): Sqlite | null {
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    database.prepare(`SELECT count(*) FROM sqlite_schema`).get();
    return database;
  } catch {
    database.close();
    return null;
  }
}

function has(source: Sqlite, table: string): boolean {
  return source.prepare(`SELECT 1 FROM sqlite_schema WHERE name = ?`).get(table) !== undefined;
}

/** Within a transaction: a row that is not what it should be loses only itself; a disk that fails is another matter. */
function tookWhole(to: Sqlite, take: () => void): boolean {
  try {
    to.transaction(take)();
    return true;
  } catch (error) {
    if (error instanceof Database.SqliteError && !error.code.startsWith('SQLITE_CONSTRAINT')) throw error;
    return false;
  }
}

function takeSession(store: Store, row: Row, origin: Origin): void {
  const session = restoreSession(parseStored(row.body));
  if (session.sessionId !== row.session_id || session.connectorId !== row.connector_id)
    throw new RangeError('a session under another name');
  const marked = row.is_open === 1 ? withMark(session, 'recovered') : session;
  // Of two open sessions on a connector, which a broken page can leave, the later one is the one that runs.
  if (row.is_open === 1)
    store.run(`UPDATE sessions SET is_open = 0 WHERE is_open = 1 AND connector_id = ?`, session.connectorId);
  store.run(
    `INSERT INTO sessions (session_id, connector_id, is_open, body, stored_wall_ms, origin) VALUES (?, ?, ?, ?, ?, ?)`,
    session.sessionId,
    session.connectorId,
    Number(row.is_open),
    JSON.stringify(marked),
    row.stored_wall_ms ?? null,
    origin,
  );
}

/** A CDR is kept also when its session's row is gone. */
function takeCdr(store: Store, row: Row, origin: Origin): void {
  const cdr = cdrSchema.parse(parseStored(row.body));
  if (cdr.cdrId !== row.cdr_id || cdr.sessionId !== row.session_id) throw new RangeError('a CDR under another name');
  putSessionOf(store, cdr, origin);
  store.run(
    `INSERT INTO cdrs (cdr_id, session_id, body, stored_wall_ms, origin) VALUES (?, ?, ?, ?, ?)`,
    cdr.cdrId,
    cdr.sessionId,
    String(row.body),
    row.stored_wall_ms ?? null,
    origin,
  );
}

function putSessionOf(store: Store, cdr: { sessionId: string; connectorId: string }, origin: Origin): void {
  store.run(
    `INSERT INTO sessions (session_id, connector_id, is_open, body, origin) VALUES (?, ?, 0, '{}', ?) ON CONFLICT DO NOTHING`,
    cdr.sessionId,
    cdr.connectorId,
    origin,
  );
}

function takeCommand(store: Store, row: Row, origin: Origin, nowMs: number | null): void {
  const storedMs = row.stored_wall_ms ?? null;
  if (storedMs !== null && nowMs !== null && Number(storedMs) < nowMs - COMMAND_LIFE_MS) return;
  stampSchema.parse(parseStored(row.at));
  const columns = ['command_id', 'status', 'is_cancelled', 'at', 'body', 'outcome', 'stored_wall_ms'];
  copy(store, 'inbox', [...columns, 'origin'], { ...row, stored_wall_ms: storedMs, origin });
}

/** Only what fits the wire is taken over: anything else the cloud would refuse. */
function takeRecord(store: Store, row: Row, origin: Origin): void {
  const body = recordBodySchema.parse(parseStored(row.body));
  const at = stampSchema.parse(parseStored(row.at));
  if (body.kind === 'session.ended') putSessionOf(store, body.cdr, origin);
  append(store, body, at, at.clock === 'trusted' ? at.wallMs : null, origin);
}

function takeTime(store: Store, row: Row): void {
  if (row.key !== 'trusted_wall_ms' || !Number.isSafeInteger(Number(row.value))) return;
  store.run(`INSERT INTO meta (key, value) VALUES ('trusted_wall_ms', ?) ON CONFLICT DO NOTHING`, row.value);
}

/** A refused start stays unknown to the cloud. Its number belongs to another epoch: it is kept as a negative one. */
function takeDeadLetter(store: Store, row: Row): void {
  copy(store, 'dead_letters', ['seq', 'code', 'detail', 'body'], { ...row, seq: -Math.abs(Number(row.seq)) });
}

function tellCdrsAgain(store: Store, origin: Origin): void {
  const unsaid = store.rows(
    `SELECT body, stored_wall_ms FROM (SELECT rowid AS n, * FROM cdrs ORDER BY rowid DESC LIMIT ?)
     WHERE session_id NOT IN (SELECT session_id FROM outbox WHERE kind = 'session.ended') ORDER BY n`,
    CDRS_TOLD_AGAIN,
  );
  store.database.transaction(() => {
    for (const row of unsaid) {
      const cdr = cdrSchema.parse(parseStored(row.body));
      const wallMs = row.stored_wall_ms === null ? null : Number(row.stored_wall_ms);
      append(store, { kind: 'session.ended', cdr }, cdr.endedAt, wallMs, origin);
    }
  })();
}

const DOCUMENTS = ['faults', 'body', 'document', 'outcome'];

function copy(store: Store, table: string, columns: readonly string[], row: Row): void {
  for (const name of columns) if (DOCUMENTS.includes(name) && row[name] !== null) parseStored(row[name]);
  const places = columns.map(() => '?').join(', ');
  store.run(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`, ...columns.map((name) => row[name]));
}
