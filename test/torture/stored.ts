import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Cdr } from '#shared/wire/cdr.ts';

/** What a ledger holds, looked at from outside. */
export interface Stored {
  readonly sessions: ReadonlyMap<string, { readonly connectorId: string; readonly isOpen: boolean }>;
  /** Every CDR, in no order. */
  readonly cdrs: readonly Cdr[];
  readonly backlog: number;
  readonly quickCheck: string;
}

/** Looks into a ledger, also while an edge works with it. */
export const look = (file: string): Stored => lookInto(new Database(file, { readonly: true }));

/**
 * Looks into a ledger as a killed edge has left it. A copy is looked at: opening the ledger itself would recover it before
 * the next edge does. Null when there is none yet.
 */
export function lookAtRemains(file: string): Stored | null {
  if (!existsSync(file)) return null;
  const folder = mkdtempSync(join(tmpdir(), 'pilegate-remains-'));
  try {
    const copy = join(folder, 'ledger.db');
    for (const suffix of ['', '-wal']) if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
    return lookInto(new Database(copy));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function lookInto(database: Database.Database): Stored {
  try {
    const rows = (sql: string) => database.prepare<[], Record<string, unknown>>(sql).all();
    const sessions = rows('SELECT session_id, connector_id, is_open FROM sessions');
    return {
      sessions: new Map(
        sessions.map((row) => [
          String(row.session_id),
          { connectorId: String(row.connector_id), isOpen: row.is_open === 1 },
        ]),
      ),
      cdrs: rows('SELECT body FROM cdrs').map((row): Cdr => JSON.parse(String(row.body))),
      backlog: rows('SELECT seq FROM outbox').length,
      quickCheck: String(database.pragma('quick_check', { simple: true })),
    };
  } finally {
    database.close();
  }
}
