import { randomUUID } from 'node:crypto';
import Database from 'better-sqlite3';

/** What the disk of a stopped edge tells is of another boot, as after a power cut. @returns how many charges are open */
export function forgetTheBoot(ledgerFile: string): number {
  const database = new Database(ledgerFile);
  const changed = database
    .prepare(`UPDATE sessions SET body = json_set(body, '$.startedAt.bootId', ?) WHERE is_open = 1`)
    .run(randomUUID());
  database.prepare(`DELETE FROM meta WHERE key = 'trusted_at'`).run();
  database.close();
  return changed.changes;
}
