import type { Db } from '../../db/connect.ts';
import type { Environment } from '../../db/schema.ts';
import type { Trx } from '../../db/transaction.ts';
import type { CreditAccountRow } from './tables.ts';

/** Whose account it is, in which currency. */
export interface AccountName {
  readonly partnerId: string;
  readonly environment: Environment;
  readonly currency: string;
}

type Balances = Pick<CreditAccountRow, 'kind' | 'funded_minor' | 'limit_minor' | 'posted_minor' | 'pending_minor'>;

/** What more can be held; null: nothing limits it. Below zero where charges came to more than was held for them. */
export const availableOf = (account: Balances): number | null =>
  account.kind === 'unlimited'
    ? null
    : account.funded_minor + account.limit_minor - account.posted_minor - account.pending_minor;

/** The accounts of a partner: one for each currency. */
export const accountsQuery = (
  db: Pick<Db | Trx, 'selectFrom'>,
  { partnerId, environment }: Omit<AccountName, 'currency'>,
) =>
  db
    .selectFrom('credit_accounts')
    .selectAll('credit_accounts')
    .where('partner_id', '=', partnerId)
    .where('environment', '=', environment);

export const findAccount = (
  db: Pick<Db | Trx, 'selectFrom'>,
  name: AccountName,
): Promise<CreditAccountRow | undefined> =>
  accountsQuery(db, name).where('currency', '=', name.currency).executeTakeFirst();
