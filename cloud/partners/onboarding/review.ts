import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../../context.ts';
import { transaction } from '../../db/transaction.ts';
import { storePartner } from '../partners.ts';
import { lockApplication, stateAfter } from './applications.ts';
import { presentFiles } from './files.ts';
import type { Decision } from './machine.ts';
import { registrationSchema } from './registration.ts';

/** What was looked up, and where. */
export interface Evidence {
  readonly source: 'business-registry' | 'telephone' | 'contract' | 'other';
  readonly reference: string;
  readonly note?: string | undefined;
}

export interface Review {
  readonly decision: Decision;
  /** The state of the application that was looked at. */
  readonly revision: number;
  /** Told to the applicant. */
  readonly reason: string;
  readonly evidence: readonly Evidence[];
  /** Of an approval: the id that the partner gets. */
  readonly partnerId: string | null;
  readonly reviewedBy: string;
}

/**
 * Decides on an application. Of two who decide at once the second is refused: it is no longer with staff. An approval makes the
 * partner, in the same transaction; keys are issued afterwards.
 *
 * @throws PilegateError `application.unknown`, `application.state`, `application.changed`, `resource.exists`
 */
export const decideApplication = (
  context: Pick<CloudContext, 'db' | 'clock' | 'random'>,
  applicationId: string,
  review: Review,
): Promise<void> =>
  transaction(context.db, async (trx) => {
    const row = await lockApplication(trx, applicationId);
    const state = stateAfter(row.state, review.decision);
    if (row.revision !== review.revision)
      throw new PilegateError(
        'application.changed',
        `revision ${review.revision} was looked at, it is ${row.revision}`,
      );
    const nowMs = context.clock.wallMs();
    const { partnerId } = review;
    if (partnerId !== null) {
      const {
        company_name: name,
        credit_code: creditCode,
        source_cidrs: ranges,
      } = registrationSchema.parse(JSON.parse(row.document));
      const allowedCidrs = ranges === undefined || ranges.length === 0 ? null : ranges;
      const partner = { partnerId, name, creditCode, approvedBy: review.reviewedBy, allowedCidrs };
      await storePartner(trx, partner, nowMs);
    }
    const files = await presentFiles(trx, applicationId);
    await trx
      .insertInto('application_reviews')
      .values({
        review_id: context.random.uuid(),
        application_id: applicationId,
        revision: row.revision,
        decision: review.decision,
        reason: review.reason,
        evidence: JSON.stringify(review.evidence),
        files: JSON.stringify(files.map(({ file_id, sha256 }) => ({ file_id, sha256 }))),
        reviewed_by: review.reviewedBy,
        reviewed_at_ms: nowMs,
      })
      .execute();
    await trx
      .updateTable('partner_applications')
      .set({ state, partner_id: partnerId, updated_at_ms: nowMs })
      .where('application_id', '=', applicationId)
      .execute();
  });
