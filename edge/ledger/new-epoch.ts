import type { Store } from './store.ts';

/**
 * Within a transaction: gives the store another epoch. What the cloud has not acknowledged is numbered from 1 on, in its order,
 * so that none of it has the name of a record that the cloud knows. Everything else stays as it is.
 */
export function renumberFor(store: Store, storeEpoch: string): void {
  store.run(
    `UPDATE outbox SET seq = -ranked.place
     FROM (SELECT seq AS former, row_number() OVER (ORDER BY seq) AS place FROM outbox) AS ranked
     WHERE outbox.seq = ranked.former`,
  );
  store.run(`UPDATE outbox SET seq = -seq`);
  store.run(`UPDATE sqlite_sequence SET seq = (SELECT coalesce(max(seq), 0) FROM outbox) WHERE name = 'outbox'`);
  numberDeadLettersBelowZero(store);
  store.run(`UPDATE meta SET value = '0' WHERE key = 'acked_seq'`);
  store.run(`UPDATE meta SET value = ? WHERE key = 'store_epoch'`, storeEpoch);
}

/** Numbers from 1 on are for records of the new epoch; in order, as the oldest are dropped first. */
export function numberDeadLettersBelowZero(store: Store): void {
  store.run(`UPDATE dead_letters SET seq = seq - (SELECT max(seq) + 1 FROM dead_letters)`);
}
