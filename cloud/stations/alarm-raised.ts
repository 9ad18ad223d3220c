import { sql } from 'kysely';
import type { RecordEnvelope } from '#shared/wire/messages.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import type { RecordContext } from '../ingest/records.ts';
import { storable } from '../ingest/storable.ts';

export interface ToldAlarm {
  readonly alarm: RecordOf<'alarm.raised'>;
  readonly envelope: RecordEnvelope;
}

/** Keeps alarms of a site, in one statement, and says those that are new in the log, critical ones as something to act on today. */
export async function applyAlarmsRaised(context: RecordContext, told: readonly ToldAlarm[]): Promise<void> {
  const { siteId } = context.site;
  const rows = told.map(({ alarm, envelope }) => ({
    alarm_id: alarm.alarmId,
    code: alarm.code,
    severity: alarm.severity,
    pile_id: alarm.pileId,
    connector_id: alarm.connectorId,
    session_id: alarm.sessionId,
    detail: storable(alarm.detail, 500),
    raised_at_ms: envelope.at.wallMs,
  }));
  // A store that was restored from a copy may tell of the same alarm in a new epoch.
  const inserted = await sql<{ alarm_id: string }>`
    insert into alarms (alarm_id, source, code, severity, site_id, pile_id, connector_id, session_id, detail, raised_at_ms,
      received_at_ms)
    select alarm_id, 'site', code, severity, ${siteId}, pile_id, connector_id, session_id, detail, raised_at_ms,
      ${context.nowMs}::bigint
    from json_to_recordset(${JSON.stringify(rows)}::json) as one (
      alarm_id uuid, code text, severity text, pile_id text, connector_id text, session_id uuid, detail text,
      raised_at_ms bigint)
    on conflict (alarm_id) do nothing
    returning alarm_id`.execute(context.trx);
  const isNew = new Set(inserted.rows.map((row) => row.alarm_id));
  for (const { alarm } of told) {
    if (!isNew.delete(alarm.alarmId.toLowerCase())) continue;
    const level = alarm.severity === 'critical' ? 'error' : 'warn';
    const { connectorId, code, detail } = alarm;
    context.logger[level]({ siteId, connectorId, code, detail }, 'site raises an alarm');
  }
}
