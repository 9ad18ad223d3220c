import type { Selectable } from 'kysely';
import { PilegateError } from '#shared/errors.ts';
import { followAlarm, lockAlertOf } from '../alerts/handle-alert.ts';
import type { CloudContext } from '../context.ts';
import type { Database } from '../db/schema.ts';
import { savepoint, type Trx, transaction } from '../db/transaction.ts';

export type AlarmRow = Selectable<Database['alarms']>;
type AlarmContext = Pick<CloudContext, 'db' | 'clock'>;

/**
 * Somebody is at an alarm, and with it at its alert. Whoever was first stays the one.
 *
 * @throws PilegateError `alarm.unknown`, `alarm.closed`
 */
export const acknowledgeAlarm = ({ db, clock }: AlarmContext, alarmId: string, by: string): Promise<AlarmRow> =>
  transaction(db, async (trx) => {
    const { alarm, alertId } = await lockOpenAlarm(trx, alarmId);
    if (alarm.acknowledged_at_ms !== null) return alarm;
    const nowMs = clock.wallMs();
    const acknowledged = await trx
      .updateTable('alarms')
      .set({ acknowledged_at_ms: nowMs, acknowledged_by: by })
      .where('alarm_id', '=', alarmId)
      .returningAll()
      .executeTakeFirstOrThrow();
    if (alertId !== null) await followAlarm(trx, alertId, by, nowMs);
    return acknowledged;
  });

/**
 * Nothing more is to be done about an alarm. What latches at a pile stays latched: that ends on site.
 *
 * @throws PilegateError `alarm.unknown`, `alarm.closed`
 */
export const closeAlarm = (
  { db, clock }: AlarmContext,
  alarmId: string,
  { by, reason }: { readonly by: string; readonly reason: string },
): Promise<AlarmRow> =>
  transaction(db, async (trx) => {
    const { alertId } = await lockOpenAlarm(trx, alarmId);
    const nowMs = clock.wallMs();
    const closed = await trx
      .updateTable('alarms')
      .set({ closed_at_ms: nowMs, closed_by: by, close_reason: reason })
      .where('alarm_id', '=', alarmId)
      .returningAll()
      .executeTakeFirstOrThrow();
    if (alertId !== null) await followAlarm(trx, alertId, by, nowMs);
    return closed;
  });

interface LockedAlarm {
  readonly alarm: AlarmRow;
  /** Locked as well; null: there is none yet. */
  readonly alertId: string | null;
}

/** Says that the alarm has come to an alert while its lock was waited for. */
const takenMeanwhile = Symbol();

async function lockOpenAlarm(trx: Trx, alarmId: string): Promise<LockedAlarm> {
  for (;;) {
    const alertId = await lockAlertOf(trx, alarmId);
    try {
      return await savepoint(trx, async () => {
        const alarm = await openAlarm(trx, alarmId);
        if (alarm.alert_id !== alertId) throw takenMeanwhile;
        return { alarm, alertId };
      });
    } catch (reason) {
      if (reason !== takenMeanwhile) throw reason;
    }
  }
}

async function openAlarm(trx: Trx, alarmId: string): Promise<AlarmRow> {
  const alarm = await trx
    .selectFrom('alarms')
    .selectAll()
    .where('alarm_id', '=', alarmId)
    .forUpdate()
    .executeTakeFirst();
  if (alarm === undefined) throw new PilegateError('alarm.unknown', `no alarm ${alarmId}`);
  if (alarm.closed_at_ms !== null) throw new PilegateError('alarm.closed', `closed by ${alarm.closed_by}`);
  return alarm;
}
