import Database, { type Database as Sqlite } from 'better-sqlite3';
import { stampSchema } from '#shared/stamp.ts';
import { cdrSchema } from '#shared/wire/cdr.ts';
import { recordBodySchema } from '#shared/wire/records.ts';
import { restoreSession, withMark } from '../control/session.ts';
import { numberDeadLettersBelowZero } from './new-epoch.ts';
import { append, type Origin } from './outbox.ts';
import { eachReadableRow } from './readable-rows.ts';
import { type Row, Store } from './store.ts';
import { LOSS_KEY, noteLoss } from './store-loss.ts';
import { DamagedRow, parseStored, troubleOf } from './store-trouble.ts';
import { CDRS_TOLD_AGAIN, tellCdrsAgain } from './tell-again.ts';
import { checkWal } from './wal-check.ts';

/** What came over from another store, and what of it could not be read, by table. */
export interface Salvaged {
  readonly taken: Readonly<Record<string, number>>;
  readonly lost: readonly string[];
}

/**
 * Of what is over and told, so much at least comes over, and less than twice as much: the damaged store is replaced while
 * nobody looks after the piles' records, and systemd waits for 30 s. What is older stays in quarantine.
 */
export const NEWEST_ROWS = 2000;
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
  const salvaged = bringOver(from, store, origin, nowMs);
  to.transaction(() => noteLoss(store, salvaged.lost))();
  return salvaged;
}

function bringOver(from: string, store: Store, origin: Exclude<Origin, 'own'>, nowMs: number | null): Salvaged {
  const to = store.database;
  const taken: Record<string, number> = {};
  const lost = new Set<string>();
  const source = openReadOnly(from);
  if (source === null) return { taken, lost: ['everything'] };
  if (!isWalWhole(`${from}-wal`)) lost.add('wal');
  const newest = origin === 'recovered' ? NEWEST_ROWS : null;
  const bring = (table: string, most: number | null, take: Take) => {
    taken[table] = 0;
    const isWhole = to.transaction(() =>
      eachReadableRow(source, table, most, (row) => {
        if (tookWhole(to, () => take(row))) taken[table] = (taken[table] ?? 0) + 1;
        else lost.add(table);
      }),
    )();
    if (!isWhole) lost.add(table);
  };
  try {
    const open = bringOpenSessions(source, store, origin);
    if (open === null) lost.add('sessions');
    bring('sessions', newest, (row) => {
      if (open?.has(row.session_id) !== true) takeSession(store, row, origin);
    });
    bring('cdrs', newest, (row) => takeCdr(store, row, origin));
    bring('inbox', newest, (row) => takeCommand(store, row, origin, nowMs));
    bring('outbox', null, (row) => takeRecord(store, row, origin));
    for (const [table, columns] of Object.entries(keptAsTheyAre)) {
      // A stay or a hold out of a backup has ended long since, and has been told: nobody counts on from it.
      if (NOT_OUT_OF_A_BACKUP.has(table) && origin === 'restored') continue;
      if (has(source, table)) bring(table, null, (row) => copy(store, table, columns, row));
    }
    bring('dead_letters', null, (row) => takeDeadLetter(store, row));
    bring('meta', null, (row) => takeMeta(store, row));
  } finally {
    source.close();
  }
  numberDeadLettersBelowZero(store);
  store.run(`UPDATE sessions SET is_open = 0 WHERE is_open = 1 AND session_id IN (SELECT session_id FROM cdrs)`);
  if (origin === 'restored' || lost.has('outbox'))
    to.transaction(() => tellCdrsAgain(store, origin, CDRS_TOLD_AGAIN))();
  return { taken, lost: [...lost] };
}

const NOT_OUT_OF_A_BACKUP: ReadonlySet<string> = new Set(['occupancies', 'reservations']);

const keptAsTheyAre: Record<string, readonly string[]> = {
  latches: ['connector_id', 'faults'],
  devices: ['connector_id', 'body'],
  service: ['connector_id', 'body'],
  occupancies: ['connector_id', 'body'],
  reservations: ['connector_id', 'body'],
  inputs: ['input_id'],
  rules: ['version', 'document', 'is_active'],
  documents: ['kind', 'version', 'text', 'digest', 'source', 'state', 'reason', 'trial', 'taken_at'],
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

/**
 * An open session may be older than all that comes over of its table. Their index is a few rows.
 *
 * @returns their ids, or null when one of them could not be read
 */
function bringOpenSessions(source: Sqlite, store: Store, origin: Origin): ReadonlySet<unknown> | null {
  const sql = `SELECT * FROM sessions INDEXED BY one_open_session WHERE is_open = 1 ORDER BY rowid`;
  try {
    const rows = source.prepare<[], Row>(sql).all();
    store.database.transaction(() => {
      for (const row of rows) takeSession(store, row, origin);
    })();
    return new Set(rows.map((row) => row.session_id));
  } catch (error) {
    // The disk of the new store.
    if (troubleOf(error) === 'full') throw error;
    return null;
  }
}

/** The commits at the end of a journal that is not what was written are gone, whatever they held. */
function isWalWhole(path: string): boolean {
  try {
    checkWal(path);
    return true;
  } catch (error) {
    if (!(error instanceof DamagedRow)) throw error;
    return false;
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
  if (row.is_open === 1) numberDeadLettersBelowZero(store);
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

function takeMeta(store: Store, row: Row): void {
  if (row.key === LOSS_KEY) store.run(`INSERT INTO meta (key, value) VALUES (?, ?)`, row.key, row.value);
  if (row.key !== 'trusted_wall_ms' || !Number.isSafeInteger(Number(row.value))) return;
  store.run(`INSERT INTO meta (key, value) VALUES ('trusted_wall_ms', ?) ON CONFLICT DO NOTHING`, row.value);
}

/** A refused start stays unknown to the cloud. Its number belongs to another epoch: it gets one of its own. */
function takeDeadLetter(store: Store, row: Row): void {
  const last = store.row(`SELECT max(seq) AS seq FROM dead_letters`)?.seq ?? 0;
  copy(store, 'dead_letters', ['seq', 'code', 'detail', 'body', 'at'], {
    ...row,
    at: row.at ?? null,
    seq: Number(last) + 1,
  });
}

const DOCUMENTS = ['faults', 'body', 'document', 'outcome', 'trial', 'taken_at'];

function copy(store: Store, table: string, columns: readonly string[], row: Row): void {
  for (const name of columns) if (DOCUMENTS.includes(name) && row[name] !== null) parseStored(row[name]);
  const places = columns.map(() => '?').join(', ');
  store.run(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`, ...columns.map((name) => row[name]));
}
