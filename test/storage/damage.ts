import { closeSync, existsSync, openSync, readdirSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Stand } from '../stand/stand.ts';

const PAGE_BYTES = 4096;
/** A frame of the WAL: a header and a page. */
const FRAME_BYTES = 24 + PAGE_BYTES;
const WAL_HEADER_BYTES = 32;

const GARBAGE = Buffer.alloc(PAGE_BYTES, 0xa5);

function overwrite(path: string, offset: number, bytes: number): void {
  const file = openSync(path, 'r+');
  try {
    writeSync(file, GARBAGE, 0, bytes, offset);
  } finally {
    closeSync(file);
  }
}

/** Brings the WAL into the database, as an edge does in time. */
export function checkpoint({ ledgerFile }: Stand): void {
  const database = new Database(ledgerFile);
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
}

/** The first page of a table. */
function rootPageOf(ledgerFile: string, table: string): number {
  const database = new Database(ledgerFile, { readonly: true });
  try {
    return Number(database.prepare(`SELECT rootpage FROM sqlite_schema WHERE name = ?`).pluck().get(table));
  } finally {
    database.close();
  }
}

/** Overwrites the first page of a table. */
export function garbageTable({ ledgerFile }: Stand, table: string): void {
  const page = rootPageOf(ledgerFile, table);
  overwrite(ledgerFile, (page - 1) * PAGE_BYTES, PAGE_BYTES);
}

/** Overwrites every page behind the first. */
export function garbage(file: string): void {
  const pages = statSync(file).size / PAGE_BYTES;
  for (let page = 1; page < pages; page += 1) overwrite(file, page * PAGE_BYTES, PAGE_BYTES);
}

export const garbageBehindHeader = ({ ledgerFile }: Stand): void => garbage(ledgerFile);

export const garbageHeader = ({ ledgerFile }: Stand): void => overwrite(ledgerFile, 0, 100);

export const cutInHalf = ({ ledgerFile }: Stand): void =>
  truncateSync(ledgerFile, Math.floor(statSync(ledgerFile).size / PAGE_BYTES / 2) * PAGE_BYTES + 1000);

export const garbageWalHeader = ({ ledgerFile }: Stand): void => overwrite(`${ledgerFile}-wal`, 0, WAL_HEADER_BYTES);

/** Overwrites a part of a frame that others follow: SQLite believes neither it nor what comes behind it. */
export function garbageInWal({ ledgerFile }: Stand, fromEnd: number): void {
  const wal = `${ledgerFile}-wal`;
  const frames = Math.floor((statSync(wal).size - WAL_HEADER_BYTES) / FRAME_BYTES);
  const frame = Math.max(0, frames - fromEnd);
  overwrite(wal, WAL_HEADER_BYTES + frame * FRAME_BYTES + 100, 1000);
}

/** How many damaged stores are kept. */
export function quarantined({ dataDir }: Stand): number {
  const folder = join(dataDir, 'quarantine');
  return existsSync(folder) ? readdirSync(folder).length : 0;
}
