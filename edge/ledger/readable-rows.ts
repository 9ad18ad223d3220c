import type { Database as Sqlite } from 'better-sqlite3';
import type { Row } from './store.ts';

/** Row numbers that are tried one by one behind the last readable row before the broken part is leapt over. */
const TRY_EACH = 2000;
/** The same for steps in which the last row is looked for. */
const BLIND_STEPS = 10;
const LOWEST = Number.MIN_SAFE_INTEGER;
const HIGHEST = Number.MAX_SAFE_INTEGER;
/** Where a table's first page is broken, its rows are looked for from here on. Salvaged dead letters have negative numbers. */
const LOOK_FROM = -1000;

/** The first row that has a number or a higher one. Asked behind it instead, a broken page would hide its neighbour's first row. */
type Next = (from: number) => Row | 'unreadable' | undefined;

/**
 * Reads a table row by row along its row numbers, without any index. Where a page is broken, the numbers that follow are
 * tried until one leads to another page: a broken row loses only itself and its neighbours on the page.
 *
 * @param newest at least so many of the last rows are read, and less than twice as many, whatever the size of the table;
 *   null for all
 * @returns whether that part of the table is whole: nothing between or behind its rows could not be read
 */
export function eachReadableRow(
  database: Sqlite,
  table: string,
  newest: number | null,
  take: (row: Row) => void,
): boolean {
  const next = nextOf(database, table);
  if (next === null) return false;
  const first = next(LOWEST);
  if (first === undefined) return true;
  const begin = first === 'unreadable' ? LOOK_FROM : Number(first.row_number);
  let isWhole = first !== 'unreadable';
  let from: number | null = newest === null ? begin : Math.max(begin, lastAbout(next, newest) - newest);
  for (let misses = 0; from !== null; ) {
    const row = next(from);
    if (row === undefined) return isWhole;
    if (row === 'unreadable') {
      isWhole = false;
      misses = (misses + 1) % TRY_EACH;
      from = misses === 0 ? behindBroken(next, from) : from + 1;
    } else {
      from = Number(row.row_number) + 1;
      misses = 0;
      take(row);
    }
  }
  return isWhole;
}

/** The first number behind a broken part that does not lead into it; null when it has no end. */
function behindBroken(next: Next, from: number): number | null {
  let broken = from;
  let step = TRY_EACH;
  while (broken + step < HIGHEST && next(broken + step) === 'unreadable') {
    broken += step;
    step *= 2;
  }
  if (broken + step >= HIGHEST) return null;
  let sound = broken + step;
  while (sound - broken > 1) {
    const middle = Math.floor((broken + sound) / 2);
    if (next(middle) === 'unreadable') broken = middle;
    else sound = middle;
  }
  return sound;
}

/**
 * A row that less than a step of row numbers is behind of, found in steps: numbers are given one after the other, so that
 * hardly any is missing.
 */
function lastAbout(next: Next, step: number): number {
  let last = 0;
  let from: number | null = 0;
  for (let misses = 0; from !== null; ) {
    const row = next(from);
    if (row === undefined) break;
    if (row === 'unreadable') {
      misses = (misses + 1) % BLIND_STEPS;
      from = misses === 0 ? behindBroken(next, from) : from + step;
    } else {
      misses = 0;
      last = Number(row.row_number);
      from = last + step;
    }
  }
  return last;
}

/** Null when not even the table's description can be read. */
function nextOf(database: Sqlite, table: string): Next | null {
  try {
    const statement = database.prepare<[number], Row>(
      `SELECT rowid AS row_number, * FROM ${table} WHERE rowid >= ? ORDER BY rowid LIMIT 1`,
    );
    return (from) => {
      try {
        return statement.get(from);
      } catch {
        return 'unreadable';
      }
    };
  } catch {
    return null;
  }
}
