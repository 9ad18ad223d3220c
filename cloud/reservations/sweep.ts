import { sql } from 'kysely';
import type { CloudContext } from '../context.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { triesWithin } from '../operations/command-sender.ts';
import { GRACE_MS } from '../operations/sweeper.ts';
import { takeEach } from '../runtime/take-each.ts';
import { cancelReserve } from './commands.ts';
import { failureOf } from './ending.ts';
import { isOpen } from './machine.ts';
import { end } from './outcome.ts';
import { endByTime } from './reserve.ts';
import { lockReservation } from './store.ts';
import type { ReservationRow } from './tables.ts';

const AT_ONCE = 100;
/** Beyond the end of a reservation and the time in which a start of its holder mostly has its outcome. */
const PATIENCE_MS = 60_000;

type SweepContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger' | 'metrics' | 'wake' | 'settings'>;

/**
 * Ends what nobody tells the end of: reservations that were not confirmed in time, of which the site is asked first, as of an overdue start; those of sites
 * that are revoked; and those whose time has long been over, at a site that is away.
 *
 * @throws why one could not be ended, after the others
 */
export async function sweepReservations(context: SweepContext): Promise<void> {
  const nowMs = context.clock.wallMs();
  const due = await context.db
    .selectFrom('reservations')
    .innerJoin('sites', 'sites.site_id', 'reservations.site_id')
    .select('reservation_id')
    .where('state', 'in', ['requested', 'active'])
    .where((where) =>
      where.or([
        where('sites.revoked_at_ms', 'is not', null),
        where.and([where('until_ms', '<=', longOver(context, nowMs)), where.not(where.exists(beingUsed(context.db)))]),
        where.and([
          where('state', '=', 'requested'),
          where.exists(overdueReserve(context.db, nowMs)),
          where.not(where.exists(beingAsked(context.db, triesWithin(context.settings.startSilenceMs)))),
        ]),
      ]),
    )
    .orderBy('until_ms')
    .limit(AT_ONCE)
    .execute();
  if (due.length === 0) return;
  try {
    await takeEach(due, ({ reservation_id: id }) =>
      transaction(context.db, async (trx) => {
        const row = await lockReservation(trx, id);
        if (row !== undefined && isOpen(row.state)) await endStuck(context, trx, row, context.clock.wallMs());
      }),
    );
  } finally {
    context.wake.commands();
    context.wake.deliveries();
  }
}

const longOver = ({ settings }: SweepContext, nowMs: number): number => nowMs - settings.startTimeoutMs - PATIENCE_MS;

/**
 * A start of its holder's has no outcome yet: the site holds on until it has, however long that may take there. It was accepted before the
 * end, so none can begin meanwhile.
 */
const beingUsed = (db: SweepContext['db']) =>
  db
    .selectFrom('orders')
    .select('order_id')
    .where('orders.reservation_id', '=', sql.ref<string>('reservations.reservation_id'))
    .where('orders.state', '=', 'starting');

/** What its partner was told as the time of its answer is over. */
const overdueReserve = (db: SweepContext['db'], nowMs: number) =>
  db
    .selectFrom('operations')
    .select('operation_id')
    .where('operations.reservation_id', '=', sql.ref<string>('reservations.reservation_id'))
    .where('operations.kind', '=', 'reserve')
    .where('operations.deadline_at_ms', '<=', nowMs - GRACE_MS);

/** Its cancel is on its way, and has not been sent often enough to give the site up. */
const beingAsked = (db: SweepContext['db'] | Trx, mostTries: number) =>
  db
    .selectFrom('commands')
    .select('command_id')
    .where('commands.reservation_id', '=', sql.ref<string>('reservations.reservation_id'))
    .where('commands.kind', '=', 'reserve')
    .where('commands.cancelled_at_ms', 'is not', null)
    .where('commands.cancel_closed_at_ms', 'is', null)
    .where('commands.sent_count', '<=', mostTries);

async function endStuck(context: SweepContext, trx: Trx, row: ReservationRow, nowMs: number): Promise<void> {
  const outcome = { ...context, trx, nowMs };
  const site = await trx
    .selectFrom('sites')
    .select('revoked_at_ms')
    .where('site_id', '=', row.site_id)
    .executeTakeFirstOrThrow();
  if (site.revoked_at_ms !== null)
    return void (await end(outcome, row, {
      event: { kind: 'site-revoked' },
      reason: 'site-revoked',
      failure: failureOf('site.offline'),
      heldMs: null,
    }));
  if (row.until_ms <= longOver(context, nowMs)) return endByTime(outcome, row);
  if (row.state !== 'requested') return;
  if (!(await hasBeenAsked(trx, row, triesWithin(context.settings.startSilenceMs))))
    return cancelReserve(trx, row.reservation_id, nowMs);
  const timedOut = failureOf('operation.timed_out', 'the site did not confirm the reservation within its time');
  const isWithdrawn = row.cancelled_by !== null;
  await end(outcome, row, {
    event: isWithdrawn ? { kind: 'withdrawn' } : { kind: 'refused' },
    reason: isWithdrawn ? 'cancelled' : 'rejected',
    failure: isWithdrawn ? failureOf('command.cancelled') : timedOut,
    heldMs: null,
    mayStillHold: true,
  });
}

/** Read under the lock: another process may just have told the site. */
async function hasBeenAsked(trx: Trx, row: ReservationRow, mostTries: number): Promise<boolean> {
  const command = await trx
    .selectFrom('commands')
    .select(['cancelled_at_ms', 'cancel_closed_at_ms', 'sent_count'])
    .where('reservation_id', '=', row.reservation_id)
    .where('kind', '=', 'reserve')
    .executeTakeFirstOrThrow();
  if (command.cancelled_at_ms === null) return false;
  return command.cancel_closed_at_ms !== null || command.sent_count > mostTries;
}
