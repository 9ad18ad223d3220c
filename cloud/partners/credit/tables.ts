import type { Selectable } from 'kysely';
import type { Environment } from '../../db/schema.ts';

export const accountKinds = ['deposit', 'limit', 'unlimited'] as const;
export type AccountKind = (typeof accountKinds)[number];

/** Amounts in 1/100 of the currency unit, here and below. */
export interface CreditAccountsTable {
  account_id: string;
  partner_id: string;
  environment: Environment;
  currency: string;
  kind: AccountKind;
  limit_minor: number;
  /** Null with `unlimited`, where nothing is held. */
  hold_per_start_minor: number | null;
  /** JSON. */
  low_marks: string;
  told_mark_minor: number | null;
  funded_minor: number;
  posted_minor: number;
  pending_minor: number;
  agreed_by: string;
  reason: string;
  opened_at_ms: number;
  changed_at_ms: number;
}
export type CreditAccountRow = Selectable<CreditAccountsTable>;

export type TransferKind = 'hold' | 'charge' | 'top_up' | 'withdrawal' | 'correction';
export type TransferState = 'pending' | 'posted' | 'voided' | 'expired';
/** What the partner has with us; what it has paid in; what charges have earned; what was put right. */
export type BookSide = 'partner' | 'funds' | 'charges' | 'corrections';

export interface CreditTransfersTable {
  transfer_id: string;
  account_id: string;
  kind: TransferKind;
  state: TransferState;
  debit: Exclude<BookSide, 'charges'>;
  credit: BookSide;
  amount_minor: number;
  order_id: string | null;
  reference: string | null;
  reason: string | null;
  made_by: string;
  created_at_ms: number;
  closed_at_ms: number | null;
}
export type CreditTransferRow = Selectable<CreditTransfersTable>;
