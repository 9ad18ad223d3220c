import type { Store } from './store.ts';

/**
 * What must not be forgotten: welded contactors, hands at work, a fire that was seen, rules, cards that were blocked; and `meta`, where it is noted
 * that something of this is missing. `wal`: the last commits, whatever they held.
 */
const NEVER_TO_FORGET = ['everything', 'wal', 'meta', 'latches', 'service', 'inputs', 'rules', 'documents'];

/** Where it is noted, in `meta`. */
export const LOSS_KEY = 'unconfirmed_loss';

/**
 * Within a transaction: notes what of a damaged store could not be read and must not be forgotten. It stays noted over
 * restarts, and over further damages, until a person has confirmed it.
 */
export function noteLoss(store: Store, lost: readonly string[]): void {
  const known = unconfirmedLossIn(store);
  const all = NEVER_TO_FORGET.filter((name) => lost.includes(name) || known.includes(name));
  if (all.length === 0) return;
  store.run(
    `INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    LOSS_KEY,
    all.join(),
  );
}

/** What nobody has confirmed yet; empty when there is nothing to confirm. */
export function unconfirmedLossIn(store: Store): string[] {
  const value = store.row(`SELECT value FROM meta WHERE key = ?`, LOSS_KEY)?.value;
  return value === undefined ? [] : String(value).split(',');
}

/** Within a transaction: somebody has looked at the site, and has set again what was lost. */
export function confirmLossIn(store: Store): void {
  store.run(`DELETE FROM meta WHERE key = ?`, LOSS_KEY);
}
