import type { RecordEnvelope } from '#shared/wire/messages.ts';
import { alarmRaisedSchema } from '#shared/wire/records.ts';
import { isTransient, savepoint } from '../db/transaction.ts';
import { applyAlarmsRaised, type ToldAlarm } from '../stations/alarm-raised.ts';
import type { Step } from './plan-batch.ts';
import { applyRecord, type RecordContext } from './records.ts';

/** A savepoint costs two turns with the database; one that fails is done again record by record. */
const APPLIED_TOGETHER = 25;

/** Alarms that follow each other are stored by one statement. */
type Together = readonly RecordEnvelope[];

/** The new records from a step on that share a savepoint; none where that step is something else. */
export function togetherFrom(steps: readonly Step[], from: number): Together[] {
  const together: Together[] = [];
  for (let i = from; together.length < APPLIED_TOGETHER; ) {
    const step = steps[i];
    if (step?.kind !== 'apply') break;
    const alarms = alarmsFrom(steps, i);
    together.push(alarms.length > 0 ? alarms : [step.record]);
    i += Math.max(1, alarms.length);
  }
  return together;
}

function alarmsFrom(steps: readonly Step[], from: number): RecordEnvelope[] {
  const others = steps
    .slice(from)
    .findIndex((step) => step.kind !== 'apply' || step.record.body.kind !== 'alarm.raised');
  const end = others < 0 ? steps.length : from + others;
  return steps.slice(from, end).flatMap((step) => (step.kind === 'apply' ? [step.record] : []));
}

/**
 * Applies records in their order under one savepoint.
 *
 * @returns false when one of them cannot be applied; nothing is written then, and each is to be tried by itself
 */
export async function applyTogether(context: RecordContext, together: readonly Together[]): Promise<boolean> {
  try {
    await savepoint(context.trx, () => applyAll(context, together));
    return true;
  } catch (error) {
    if (isTransient(error)) throw error;
    return false;
  }
}

/** Applies records in their order. @throws whatever one of them cannot be applied for: the transaction is lost then */
export async function applyAll(context: RecordContext, together: readonly Together[]): Promise<void> {
  for (const records of together) await applySame(context, records);
}

async function applySame(context: RecordContext, records: Together): Promise<void> {
  const [first, second] = records;
  if (first !== undefined && second === undefined) return applyRecord(context, first);
  const told = records.map((envelope): ToldAlarm => ({ alarm: alarmRaisedSchema.parse(envelope.body), envelope }));
  await applyAlarmsRaised(context, told);
}
