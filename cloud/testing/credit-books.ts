import { pino } from 'pino';
import type { Clock } from '#shared/clock.ts';
import type { Db } from '../db/connect.ts';
import type { OrderRow, OrderState } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { lockOrder, updateOrder } from '../orders/store.ts';
import { accountsQuery } from '../partners/credit/accounts.ts';
import { accountFor, hold } from '../partners/credit/hold.ts';
import type { CreditContext } from '../partners/credit/move.ts';
import { setTerms } from '../partners/credit/set-terms.ts';
import { type Due, settleOrder } from '../partners/credit/settle.ts';
import { transfer } from '../partners/credit/transfer.ts';
import { systemRandom } from '../random.ts';
import { openOrderDatabase } from './order-rows.ts';

const name = { partnerId: 'p', environment: 'live', currency: 'CNY' } as const;
const logger = pino({ level: 'silent' });

/** The books of one partner with a deposit, with orders that begin and end as the real ones do, without a site. */
export class CreditBooks {
  readonly db: Db;
  readonly #clock: Clock;
  #connectors = 0;

  private constructor(db: Db, clock: Clock) {
    this.db = db;
    this.#clock = clock;
  }

  static async open(clock: Clock, db?: Db): Promise<CreditBooks> {
    return new CreditBooks(db ?? (await openOrderDatabase()), clock);
  }

  /** The same books by another connection, as another process has them. */
  beside(db: Db): CreditBooks {
    return new CreditBooks(db, this.#clock);
  }

  #context() {
    return { db: this.db, clock: this.#clock, random: systemRandom, logger };
  }

  /** For what moves money by itself. */
  inside = (trx: Trx): CreditContext => ({ trx, random: systemRandom, logger, nowMs: this.#clock.wallMs() });

  setDeposit(holdPerStartMinor: number, lowMarksMinor: number[] = []) {
    const terms = { kind: 'deposit', limitMinor: 0, holdPerStartMinor, lowMarksMinor } as const;
    return setTerms(this.#context(), { ...name, ...terms, reason: 'test', agreedBy: 'test' });
  }

  move(kind: 'top_up' | 'withdrawal', amountMinor: number) {
    const movement = { transferId: systemRandom.uuid(), kind, amountMinor, orderId: null };
    return transfer(this.#context(), { ...name, ...movement, reference: 'r', reason: 'test', madeBy: 'test' });
  }

  account = () =>
    this.db.selectFrom('credit_accounts').selectAll().where('partner_id', '=', 'p').executeTakeFirstOrThrow();

  /**
   * A start at a connector of its own.
   *
   * @param before runs when all is written, ahead of the commit
   * @returns the order's id
   */
  async start(
    amountMinor: number | null,
    before: (trx: Trx) => Promise<void> = () => Promise.resolve(),
  ): Promise<string> {
    const orderId = systemRandom.uuid();
    this.#connectors += 1;
    const connectorId = `c-${this.#connectors}-${orderId}`;
    await this.db
      .insertInto('connectors')
      .values({ connector_id: connectorId, site_id: 's', pile_id: 'p', model: 'm', max_power_w: 1 })
      .execute();
    const nowMs = this.#clock.wallMs();
    await transaction(this.db, async (trx) => {
      const account = accountFor(await accountsQuery(trx, name).execute(), name);
      await trx
        .insertInto('orders')
        .values({
          order_id: orderId,
          partner_id: 'p',
          origin: 'remote',
          environment: 'live',
          state: 'starting',
          site_id: 's',
          pile_id: 'p',
          connector_id: connectorId,
          created_at_ms: nowMs,
          updated_at_ms: nowMs,
        })
        .execute();
      if (account !== null) await hold(this.inside(trx), account, { transferId: orderId, orderId, amountMinor });
      await before(trx);
    });
    return orderId;
  }

  /** Orders come to an end, all in one transaction as records of a batch do. */
  end(
    ends: readonly { orderId: string; state: OrderState; totalMinor?: number; failureCode?: string }[],
    before: (trx: Trx) => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const nowMs = this.#clock.wallMs();
    return transaction(this.db, async (trx) => {
      for (const { orderId, state, totalMinor, failureCode = null } of ends) {
        if ((await lockOrder(trx, orderId)) === undefined) throw new Error(`no order ${orderId}`);
        const order: OrderRow = await updateOrder(trx, orderId, { state, failure_code: failureCode }, nowMs);
        const due: Due | null =
          totalMinor === undefined ? null : { totalMinor, currency: 'CNY', recordId: systemRandom.uuid() };
        await settleOrder(this.inside(trx), order, due);
      }
      await before(trx);
    });
  }
}
