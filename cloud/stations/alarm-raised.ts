import type { RecordEnvelope } from '#shared/wire/messages.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import type { RecordContext } from '../ingest/records.ts';
import { storable } from '../ingest/storable.ts';

/** Keeps an alarm of a site and says it in the log, critical ones as something to act on today. */
export async function applyAlarmRaised(
  context: RecordContext,
  alarm: RecordOf<'alarm.raised'>,
  envelope: RecordEnvelope,
): Promise<void> {
  const { siteId } = context.site;
  const inserted = await context.trx
    .insertInto('alarms')
    .values({
      alarm_id: alarm.alarmId,
      source: 'site',
      code: alarm.code,
      severity: alarm.severity,
      site_id: siteId,
      pile_id: alarm.pileId,
      connector_id: alarm.connectorId,
      session_id: alarm.sessionId,
      partner_id: null,
      detail: storable(alarm.detail, 500),
      raised_at_ms: envelope.at.wallMs,
      received_at_ms: context.nowMs,
    })
    // A store that was restored from a copy may tell of the same alarm in a new epoch.
    .onConflict((conflict) => conflict.column('alarm_id').doNothing())
    .executeTakeFirst();
  if (inserted.numInsertedOrUpdatedRows === 0n) return;
  const level = alarm.severity === 'critical' ? 'error' : 'warn';
  const { connectorId, code, detail } = alarm;
  context.logger[level]({ siteId, connectorId, code, detail }, 'site raises an alarm');
}
