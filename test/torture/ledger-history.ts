import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Database as Sqlite } from 'better-sqlite3';
import { work } from './ledger-workload.ts';

/** What a ledger holds after one step of its workload. */
export interface Moment {
  /** Of every row of every table. */
  readonly digest: string;
  readonly headSeq: number;
}

/** The same workload without any power cut: what there is to be found after each step, from 0 for the opening. */
export function historyOf(folder: string, { seed, steps }: { seed: number; steps: number }): readonly Moment[] {
  mkdirSync(folder);
  const moments: Moment[] = [];
  work(join(folder, 'ledger.db'), { seed, steps, flaw: 'none' }, (_, { database, ledger }) => {
    moments.push({ digest: digestOf(database), headSeq: ledger.headSeq() });
  });
  return moments;
}

/** Everything that is stored, in one word. */
export function digestOf(database: Sqlite): string {
  const rows = (sql: string) => database.prepare<[], Record<string, unknown>>(sql).all();
  const tables = rows(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`).map(({ name }) =>
    String(name),
  );
  const hash = createHash('sha256');
  for (const table of tables) {
    const stored = rows(`SELECT * FROM "${table}"`).map((row) => JSON.stringify(row));
    hash.update(`${table}\n${stored.sort().join('\n')}\n`);
  }
  return hash.digest('hex');
}
