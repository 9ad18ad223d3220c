import type { Selectable } from 'kysely';
import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import type { Database } from '../db/schema.ts';
import { type Trx, transaction } from '../db/transaction.ts';

export type AlarmRow = Selectable<Database['alarms']>;
type AlarmContext = Pick<CloudContext, 'db' | 'clock'>;

/**
 * Somebody is at an alarm. Whoever was first stays the one.
 *
 * @throws PilegateError `alarm.unknown`, `alarm.closed`
 */
export const acknowledgeAlarm = ({ db, clock }: AlarmContext, alarmId: string, by: string): Promise<AlarmRow> =>
  transaction(db, async (trx) => {
    const alarm = await openAlarm(trx, alarmId);
    if (alarm.acknowledged_at_ms !== null) return alarm;
    return await trx
      .updateTable('alarms')
      .set({ acknowledged_at_ms: clock.wallMs(), acknowledged_by: by })
      .where('alarm_id', '=', alarmId)
      .returningAll()
      .executeTakeFirstOrThrow();
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
    await openAlarm(trx, alarmId);
    return await trx
      .updateTable('alarms')
      .set({ closed_at_ms: clock.wallMs(), closed_by: by, close_reason: reason })
      .where('alarm_id', '=', alarmId)
      .returningAll()
      .executeTakeFirstOrThrow();
  });

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
