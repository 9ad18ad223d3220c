import { isPilegateError } from '#shared/errors.ts';
import type { RecordEnvelope } from '#shared/wire/messages.ts';
import { isTransient, savepoint } from '../db/transaction.ts';
import { applyRecord, type RecordContext } from './records.ts';
import { storable } from './storable.ts';

/** Why a record cannot be applied. */
export interface WhyRefused {
  readonly code: string;
  readonly detail: string;
}

/**
 * Applies a record so that its failure undoes only its own writes.
 *
 * @returns why it was refused; null when it was applied
 * @throws whatever may pass: told later, the same record may fit
 */
export async function attemptRecord(context: RecordContext, record: RecordEnvelope): Promise<WhyRefused | null> {
  const { trx, site, logger } = context;
  try {
    await savepoint(trx, () => applyRecord(context, record));
    return null;
  } catch (error) {
    const fields = { siteId: site.siteId, seq: record.seq, kind: storable(record.body.kind, 64) };
    if (isPilegateError(error)) {
      logger.warn({ ...fields, code: error.code, detail: error.detail }, 'record is parked');
      return { code: error.code, detail: storable(error.detail, 1_000) };
    }
    if (isTransient(error)) throw error;
    logger.error({ ...fields, err: error, code: 'record.refused' }, 'record is parked');
    return { code: 'record.refused', detail: 'the record cannot be applied; the log has the reason' };
  }
}
