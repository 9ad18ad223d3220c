import { alarmRaisedSchema } from '#shared/wire/records.ts';
import { isTransient, savepoint } from '../db/transaction.ts';
import { applyAlarmsRaised, type ToldAlarm } from '../stations/alarm-raised.ts';
import type { Step } from './plan-batch.ts';
import type { RecordContext } from './records.ts';

/** The alarms that are to be applied one after the other from a step on; none where that step is something else. */
export function alarmsFrom(steps: readonly Step[], from: number): ToldAlarm[] {
  const told: ToldAlarm[] = [];
  for (let i = from; ; i += 1) {
    const step = steps[i];
    if (step?.kind !== 'apply' || step.record.body.kind !== 'alarm.raised') return told;
    const parsed = alarmRaisedSchema.safeParse(step.record.body);
    if (!parsed.success) return told;
    told.push({ alarm: parsed.data, envelope: step.record });
  }
}

/**
 * Applies many alarms at the price of one: nothing depends on their order.
 *
 * @returns false when one of them cannot be applied; nothing is written then, and each is to be tried by itself
 */
export async function applyTogether(context: RecordContext, alarms: readonly ToldAlarm[]): Promise<boolean> {
  try {
    await savepoint(context.trx, () => applyAlarmsRaised(context, alarms));
    return true;
  } catch (error) {
    if (isTransient(error)) throw error;
    return false;
  }
}
