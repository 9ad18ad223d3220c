import type { StorageHealth } from '../ledger/storage-health.ts';
import type { SyncView } from '../runtime/thread-messages.ts';

export interface EdgeReadiness {
  /** A charge can begin here, as far as the controller is concerned. */
  readonly ready: boolean;
  /** Why not; empty when it is ready. */
  readonly reasons: readonly string[];
  /** For whoever looks: a site charges without the cloud as well, so it is ready without it. */
  readonly link: SyncView['link'] | null;
}

/** The field thread tells its figures every two seconds. */
const FIELD_SILENT_AFTER_MS = 10_000;

/**
 * Whether an edge can do its work: the field thread turns, and the ledger takes what charges need.
 *
 * @param fieldAgeMs since the field thread has told anything; null: it has not yet
 */
export function readinessOf(seen: {
  readonly storage: Pick<StorageHealth, 'mayCharge' | 'reason' | 'level'>;
  readonly link: SyncView['link'] | null;
  readonly fieldAgeMs: number | null;
}): EdgeReadiness {
  const { storage, link, fieldAgeMs } = seen;
  const isTurning = fieldAgeMs !== null && fieldAgeMs < FIELD_SILENT_AFTER_MS;
  const reasons = [
    ...(isTurning ? [] : ['the field thread has told nothing']),
    ...(storage.mayCharge ? [] : [storage.reason ?? `the storage is ${storage.level}`]),
  ];
  return { ready: reasons.length === 0, reasons, link };
}
