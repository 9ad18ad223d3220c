import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import { type Trx, transaction } from '../db/transaction.ts';
import { alertLevels, levelPolicies } from './levels.ts';
import type { AlertRow } from './tables.ts';

type AlertContext = Pick<CloudContext, 'db' | 'clock'>;

/**
 * Somebody is at an alert: nobody else is told. Whoever was first stays the one.
 *
 * @throws PilegateError `alert.unknown`, `alert.closed`
 */
export const acknowledgeAlert = (context: AlertContext, alertId: string, by: string): Promise<AlertRow> =>
  transaction(context.db, async (trx) => {
    const alert = await openAlert(trx, alertId);
    return alert.acknowledged_at_ms === null ? await acknowledge(trx, alert, by, context.clock.wallMs()) : alert;
  });

/**
 * Nothing more is to be done about an alert. The next alarm of its kind makes a new one.
 *
 * @throws PilegateError `alert.unknown`, `alert.closed`
 */
export const closeAlert = (
  context: AlertContext,
  alertId: string,
  { by, reason }: { readonly by: string; readonly reason: string },
): Promise<AlertRow> =>
  transaction(context.db, async (trx) =>
    close(trx, await openAlert(trx, alertId), { by, reason, nowMs: context.clock.wallMs() }),
  );

/** What a person does with one alarm holds for its alert: acknowledged with the first of its alarms, closed with the last. */
export async function followAlarm(trx: Trx, alertId: string, by: string, nowMs: number): Promise<void> {
  const alert = await lockAlert(trx, alertId);
  if (alert === undefined || alert.closed_at_ms !== null) return;
  const { open } = await trx
    .selectFrom('alarms')
    .select((select) => select.fn.countAll<number>().as('open'))
    .where('alert_id', '=', alertId)
    .where('closed_at_ms', 'is', null)
    .executeTakeFirstOrThrow();
  if (Number(open) === 0) await close(trx, alert, { by, reason: 'each of its alarms was closed', nowMs });
  else if (alert.acknowledged_at_ms === null) await acknowledge(trx, alert, by, nowMs);
}

/** Locks the alert that an alarm belongs to, before the alarm itself: everybody does it in this order. */
export async function lockAlertOf(trx: Trx, alarmId: string): Promise<string | null> {
  const alarm = await trx.selectFrom('alarms').select('alert_id').where('alarm_id', '=', alarmId).executeTakeFirst();
  const alertId = alarm?.alert_id ?? null;
  if (alertId !== null) await lockAlert(trx, alertId);
  return alertId;
}

/** Closes alerts of low levels to which nothing was added for long: the next of their kind is news again. */
export async function closeQuietAlerts({ db, clock }: AlertContext): Promise<void> {
  const nowMs = clock.wallMs();
  for (const level of alertLevels) {
    const { closesAfterMs } = levelPolicies[level];
    if (closesAfterMs === null) continue;
    await transaction(db, async (trx) => {
      const quiet = await trx
        .selectFrom('alerts')
        .selectAll()
        .where('level', '=', level)
        .where('closed_at_ms', 'is', null)
        .where('counted_at_ms', '<=', nowMs - closesAfterMs)
        .limit(200)
        .forUpdate()
        .skipLocked()
        .execute();
      for (const alert of quiet) await close(trx, alert, { by: 'platform', reason: 'quiet for long', nowMs });
    });
  }
}

const lockAlert = (trx: Trx, alertId: string): Promise<AlertRow | undefined> =>
  trx.selectFrom('alerts').selectAll().where('alert_id', '=', alertId).forUpdate().executeTakeFirst();

async function openAlert(trx: Trx, alertId: string): Promise<AlertRow> {
  const alert = await lockAlert(trx, alertId);
  if (alert === undefined) throw new PilegateError('alert.unknown', `no alert ${alertId}`);
  if (alert.closed_at_ms !== null) throw new PilegateError('alert.closed', `closed by ${alert.closed_by}`);
  return alert;
}

async function acknowledge(trx: Trx, { alert_id: alertId }: AlertRow, by: string, nowMs: number): Promise<AlertRow> {
  const seen = { acknowledged_at_ms: nowMs, acknowledged_by: by };
  await trx
    .updateTable('alarms')
    .set(seen)
    .where('alert_id', '=', alertId)
    .where('acknowledged_at_ms', 'is', null)
    .where('closed_at_ms', 'is', null)
    .execute();
  await cancelTellings(trx, alertId, nowMs);
  return await changed(trx, alertId, { ...seen, next_tick_at_ms: null });
}

interface Closing {
  readonly by: string;
  readonly reason: string;
  readonly nowMs: number;
}

async function close(trx: Trx, { alert_id: alertId }: AlertRow, { by, reason, nowMs }: Closing): Promise<AlertRow> {
  const closed = { closed_at_ms: nowMs, closed_by: by, close_reason: reason };
  await trx
    .updateTable('alarms')
    .set(closed)
    .where('alert_id', '=', alertId)
    .where('closed_at_ms', 'is', null)
    .execute();
  await cancelTellings(trx, alertId, nowMs);
  return await changed(trx, alertId, { ...closed, next_tick_at_ms: null });
}

const changed = (trx: Trx, alertId: string, change: Partial<AlertRow>): Promise<AlertRow> =>
  trx.updateTable('alerts').set(change).where('alert_id', '=', alertId).returningAll().executeTakeFirstOrThrow();

/** What is not written yet. What is, is looked at once more before it is sent. */
const cancelTellings = (trx: Trx, alertId: string, nowMs: number): Promise<unknown> =>
  trx
    .updateTable('alert_tellings')
    .set({ cancelled_at_ms: nowMs })
    .where('alert_id', '=', alertId)
    .where('post_id', 'is', null)
    .where('cancelled_at_ms', 'is', null)
    .execute();
