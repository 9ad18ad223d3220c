import type { Database as Sqlite } from 'better-sqlite3';
import type { Row } from './store.ts';

/** Row numbers that are tried one by one behind the last readable row before a table is given up. */
const GIVE_UP_AFTER = 20_000;

/**
 * Reads a table row by row along its row numbers, without any index. Where a page is broken, the numbers that follow are
 * tried until one leads to another page: a broken row loses only itself and its neighbours on the page.
 *
 * @returns whether the table is whole: nothing between or behind its rows could not be read
 */
export function eachReadableRow(database: Sqlite, table: string, take: (row: Row) => void): boolean {
  const next = statementOn(database, table);
  if (next === null) return false;
  let isWhole = true;
  let after = 0;
  for (let misses = 0; misses < GIVE_UP_AFTER; ) {
    const row = rowBehind(next, after);
    if (row === undefined) return isWhole;
    if (row === 'unreadable') {
      isWhole = false;
      misses += 1;
      after += 1;
    } else {
      after = Number(row.row_number);
      misses = 0;
      take(row);
    }
  }
  return isWhole;
}

type NextRow = ReturnType<Sqlite['prepare']>;

/** Null when not even the table's description can be read. */
function statementOn(database: Sqlite, table: string): NextRow | null {
  try {
    return database.prepare(`SELECT rowid AS row_number, * FROM ${table} WHERE rowid > ? ORDER BY rowid LIMIT 1`);
  } catch {
    return null;
  }
}

function rowBehind(next: NextRow, after: number): Row | 'unreadable' | undefined {
  try {
    return next.get(after) as Row | undefined;
  } catch {
    return 'unreadable';
  }
}
