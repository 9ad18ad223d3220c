import { type FaultCode, faultCatalogue } from '#shared/faults.ts';
import type { RecordOf } from '#shared/wire/records.ts';

/** An alarm about the site as a whole: it names no pile. */
export function siteAlarm(code: FaultCode, alarmId: string, detail: string): RecordOf<'alarm.raised'> {
  const { severity } = faultCatalogue[code];
  return { kind: 'alarm.raised', alarmId, code, severity, pileId: null, connectorId: null, sessionId: null, detail };
}
