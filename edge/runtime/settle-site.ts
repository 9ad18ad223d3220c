import type { Logger } from 'pino';
import type { Timers } from '#shared/clock.ts';
import type { Stamp } from '#shared/stamp.ts';
import { changeBetween } from '../documents/document-history.ts';
import { reportsOf } from '../documents/report.ts';
import type { BegunSite } from './begin-site.ts';
import type { LedgerClient, Opened } from './ledger-client.ts';
import { configRefused, rolledBack } from './site-change.ts';

interface SettleDeps {
  readonly ledger: Pick<LedgerClient, 'putDocuments'>;
  readonly newId: () => string;
  readonly timers: Timers;
  readonly log: Logger;
}

const STORED_WITHIN_MS = 5000;

/** What the opened ledger has decides; for the most part it is what has been seen in it before. */
export function beginsWith(
  chosen: BegunSite,
  { documents, sessions }: Pick<Opened, 'documents' | 'sessions'>,
  at: Stamp,
): BegunSite {
  const again = chosen.again(documents, new Set(sessions.map(({ connectorId }) => connectorId)), at);
  return again === null ? chosen : { ...chosen, ...again };
}

/**
 * Stores what this start has made of the configurations. A version on trial is driven when that is on disk; but a disk that takes
 * nothing keeps no site from its piles, and its charges, for longer than some seconds.
 */
export async function storeBeginning(
  begins: Pick<BegunSite, 'version' | 'isTrial' | 'left' | 'refused' | 'history'>,
  opened: Pick<Opened, 'documents'>,
  { ledger, newId, timers, log }: SettleDeps,
): Promise<void> {
  const { version, isTrial, left, refused } = begins;
  log.info({ version, isTrial }, 'the configuration of this start');
  for (const reason of refused) log.error({ code: 'config.invalid', reason }, 'a configuration is refused');
  for (const { version: was, reason } of left) log.error({ version: was, reason }, 'a configuration is left');
  const before = opened.documents.filter(({ kind }) => kind === 'site');
  const change = changeBetween('site', before, begins.history);
  const records = [
    // The very first version nobody waits to hear of: the hello tells it.
    ...(before.length === 0 ? [] : reportsOf(change)),
    ...left.map(({ version: was, reason }) => rolledBack(newId(), `version ${was} of the configuration: ${reason}`)),
    ...refused.map((reason) => configRefused(newId(), reason)),
  ];
  if (change.put.length + change.drop.length + records.length === 0) return;
  const stored = ledger.putDocuments(change, records).catch((error: unknown) => {
    log.error({ code: 'store.unavailable', err: error }, 'the beginning could not be stored');
  });
  if (!isTrial) return;
  await Promise.race([stored, new Promise((resolve) => timers.after(STORED_WITHIN_MS, () => resolve(null)))]);
}
