import { isPilegateError, PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import { callerBlock } from '../http/addresses.ts';
import { borrowFromBucket } from './rate-buckets.ts';
import type { RatePolicy } from './rate-policy.ts';

/** How often somebody may be wrong at one door. */
export interface FailureLimit {
  /** Tells the doors apart: each counts for itself. */
  readonly door: string;
  readonly policy: RatePolicy;
  /** What whoever was wrong too often is told. */
  readonly code: 'claim.too_many' | 'staff.too_many';
}

/**
 * Does what an address asks for, unless it was wrong too often; in all processes together. It is counted before it is done, so that
 * a hundred at once are not a hundred tries, and taken back when it was right, or when the failure was ours.
 *
 * @throws PilegateError of the limit's code, or what `work` throws
 */
export async function withinFailures<Value>(
  { db, clock }: Pick<CloudContext, 'db' | 'clock'>,
  { door, policy, code }: FailureLimit,
  address: string,
  work: () => Promise<Value>,
): Promise<Value> {
  const subject = `caller:${callerBlock(address)}`;
  const {
    verdict: { waitS },
    giveBack,
  } = await borrowFromBucket(db, subject, door, policy, clock.wallMs());
  if (giveBack === null) throw new PilegateError(code, `wait ${waitS} s`, { retryAfterS: waitS });
  let isWrong = false;
  try {
    return await work();
  } catch (error) {
    isWrong = isPilegateError(error);
    throw error;
  } finally {
    if (!isWrong) await giveBack(clock.wallMs());
  }
}
