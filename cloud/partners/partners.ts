import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import type { PartnerRow } from './tables.ts';

type PartnerContext = Pick<CloudContext, 'db' | 'clock'>;

export interface NewPartner {
  readonly partnerId: string;
  readonly name: string;
  /** Null: made by staff without an application. */
  readonly creditCode: string | null;
  readonly approvedBy: string;
  readonly allowedCidrs: readonly string[] | null;
}

/** @throws PilegateError `resource.exists` when there is one with this id or credit code */
export async function storePartner(trx: Trx, partner: NewPartner, nowMs: number): Promise<void> {
  const inserted = await trx
    .insertInto('partners')
    .values({
      partner_id: partner.partnerId,
      name: partner.name,
      created_at_ms: nowMs,
      credit_code: partner.creditCode,
      approved_by: partner.approvedBy,
      approved_at_ms: nowMs,
      allowed_cidrs: partner.allowedCidrs === null ? null : JSON.stringify(partner.allowedCidrs),
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (inserted.numInsertedOrUpdatedRows === 1n) return;
  const code = partner.creditCode === null ? '' : `, or one with the credit code ${partner.creditCode},`;
  throw new PilegateError('resource.exists', `partner ${partner.partnerId}${code} exists already`);
}

/** @throws PilegateError `partner.unknown` */
export async function findPartner(db: Pick<Db, 'selectFrom'>, partnerId: string): Promise<PartnerRow> {
  const row = await db.selectFrom('partners').selectAll().where('partner_id', '=', partnerId).executeTakeFirst();
  if (row === undefined) throw new PilegateError('partner.unknown', `no partner ${partnerId}`);
  return row;
}

/**
 * Locks a partner for the rest of the transaction, against others who change what is agreed with it. Its charges go on.
 *
 * @throws PilegateError `partner.unknown`
 */
export async function lockPartner(trx: Trx, partnerId: string): Promise<void> {
  const row = await trx
    .selectFrom('partners')
    .select('partner_id')
    .where('partner_id', '=', partnerId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new PilegateError('partner.unknown', `no partner ${partnerId}`);
}

export interface PartnerChange {
  /** Null: from everywhere; undefined: as it is. */
  readonly allowedCidrs: readonly string[] | null | undefined;
  readonly suspendsUnusual: boolean | undefined;
}

/** @throws PilegateError `partner.unknown` */
export const changePartner = (context: PartnerContext, partnerId: string, change: PartnerChange): Promise<void> =>
  transaction(context.db, async (trx) => {
    await findPartner(trx, partnerId);
    const { allowedCidrs: ranges, suspendsUnusual } = change;
    await trx
      .updateTable('partners')
      .set((columns) => ({
        allowed_cidrs: ranges === undefined ? columns.ref('allowed_cidrs') : ranges && JSON.stringify(ranges),
        suspends_unusual: suspendsUnusual ?? columns.ref('suspends_unusual'),
      }))
      .where('partner_id', '=', partnerId)
      .execute();
  });

/**
 * Refuses everything that a partner signs, or takes it again. Charges that run go on: they are the drivers'.
 *
 * @param reason told to the partner; null: it is no longer suspended
 * @throws PilegateError `partner.unknown`
 */
export const suspendPartner = (context: PartnerContext, partnerId: string, reason: string | null): Promise<void> =>
  transaction(context.db, async (trx) => {
    await findPartner(trx, partnerId);
    await trx
      .updateTable('partners')
      .set({ suspended_at_ms: reason === null ? null : context.clock.wallMs(), suspended_reason: reason })
      .where('partner_id', '=', partnerId)
      .execute();
  });
