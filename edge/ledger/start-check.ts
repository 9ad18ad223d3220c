import type { Database as Sqlite } from 'better-sqlite3';
import { DamagedRow } from './store-trouble.ts';

/** In order of what depends on them; the largest come last. */
const TABLES = [
  'sqlite_schema',
  'meta',
  'latches',
  'inputs',
  'service',
  'devices',
  'occupancies',
  'reservations',
  'rules',
  'outbox',
  'sessions',
  'inbox',
  'dead_letters',
  'cdrs',
] as const;

/** Charges wait for this check: a pile that runs is looked at meanwhile by its own watchdog. */
const CHECK_FOR_MS = 5000;

/**
 * SQLite's quick_check, table by table, until the time is up: a store of years on a slow card is not read as a whole
 * before the site may work. A table that was begun is finished.
 *
 * @returns tables that there was no time for
 * @throws DamagedRow naming what is wrong, or SqliteError where a page cannot be read at all
 */
export function checkAtStart(database: Sqlite, nowMs: () => number): string[] {
  const untilMs = nowMs() + CHECK_FOR_MS;
  const unchecked: string[] = [];
  for (const table of TABLES) {
    if (nowMs() > untilMs) unchecked.push(table);
    else checkTable(database, table);
  }
  return unchecked;
}

/** @throws DamagedRow naming what is wrong */
export function checkTable(database: Sqlite, table: string): void {
  const found = database.pragma(`quick_check('${table}')`, { simple: true });
  if (found !== 'ok') throw new DamagedRow(`${table}: ${String(found)}`);
}
