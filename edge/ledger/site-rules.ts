import type { StoredRules } from '../rules/rule-history.ts';
import { MAX_VERSIONS } from '../rules/rule-history.ts';
import type { Store } from './store.ts';
import { parseStored } from './store-trouble.ts';

/**
 * Within a transaction: makes a version of the site's rules the active one. One that is stored already becomes active as it
 * is; a new one takes the place of those that were rolled back.
 */
export function putRulesIn(store: Store, version: number, document: unknown): void {
  const known = store.row(`SELECT 1 FROM rules WHERE version = ?`, version);
  if (known === undefined)
    store.run(`DELETE FROM rules WHERE version > (SELECT version FROM rules WHERE is_active = 1)`);
  store.run(`UPDATE rules SET is_active = 0 WHERE is_active = 1`);
  store.run(
    `INSERT INTO rules (version, document, is_active) VALUES (?, ?, 1) ON CONFLICT (version) DO UPDATE SET is_active = 1`,
    version,
    JSON.stringify(document),
  );
  store.run(
    `DELETE FROM rules WHERE is_active = 0 AND version NOT IN (SELECT version FROM rules ORDER BY version DESC LIMIT ?)`,
    MAX_VERSIONS,
  );
}

/** The last versions, newest first. */
export function rulesIn(store: Store): StoredRules[] {
  return store.rows(`SELECT version, document, is_active FROM rules ORDER BY version DESC`).map((row) => ({
    version: Number(row.version),
    document: parseStored(row.document),
    isActive: row.is_active === 1,
  }));
}
