import type { CloudContext } from '../../context.ts';
import { transaction } from '../../db/transaction.ts';
import { lockPartner } from '../partners.ts';
import { type AccountName, findAccount } from './accounts.ts';
import { tellAnew } from './move.ts';
import type { AccountKind, CreditAccountRow } from './tables.ts';

export interface NewTerms extends AccountName {
  readonly kind: AccountKind;
  readonly limitMinor: number;
  readonly holdPerStartMinor: number | null;
  readonly lowMarksMinor: readonly number[];
  readonly reason: string;
  readonly agreedBy: string;
}

export type CreditWriteContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger'>;

/**
 * Opens the account of a partner in a currency, or changes its terms. What is held and charged stays: with a lower limit less than
 * nothing may be left, and the next start is refused.
 *
 * @throws PilegateError `partner.unknown`
 */
export const setTerms = (context: CreditWriteContext, terms: NewTerms): Promise<CreditAccountRow> =>
  transaction(context.db, async (trx) => {
    await lockPartner(trx, terms.partnerId);
    const nowMs = context.clock.wallMs();
    const agreed = {
      kind: terms.kind,
      limit_minor: terms.limitMinor,
      hold_per_start_minor: terms.holdPerStartMinor,
      low_marks: JSON.stringify([...new Set(terms.lowMarksMinor)].sort((a, b) => b - a)),
      agreed_by: terms.agreedBy,
      reason: terms.reason,
      changed_at_ms: nowMs,
    };
    const before = await findAccount(trx, terms);
    const account = await trx
      .insertInto('credit_accounts')
      .values({
        account_id: context.random.uuid(),
        partner_id: terms.partnerId,
        environment: terms.environment,
        currency: terms.currency,
        ...agreed,
        told_mark_minor: null,
        funded_minor: 0,
        posted_minor: 0,
        pending_minor: 0,
        opened_at_ms: nowMs,
      })
      .onConflict((conflict) => conflict.columns(['partner_id', 'environment', 'currency']).doUpdateSet(agreed))
      .returningAll()
      .executeTakeFirstOrThrow();
    // An account that is just opened has nothing yet, which is news to nobody.
    return before === undefined ? account : await tellAnew({ ...context, trx, nowMs }, account);
  });
