import type { ErrorCode } from '#shared/errors.ts';
import { type FaultCode, faultCatalogue } from '#shared/faults.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import type { ConnectorFacts } from './connector.ts';

export function commandDone(commandId: string, sessionId: string | null): RecordOf<'command.reported'> {
  return { kind: 'command.reported', commandId, status: 'done', sessionId, code: null, detail: null };
}

export function commandFailed(
  commandId: string,
  code: ErrorCode,
  detail: string,
  sessionId: string | null = null,
): RecordOf<'command.reported'> {
  return { kind: 'command.reported', commandId, status: 'failed', sessionId, code, detail };
}

/** An alarm's words are cut to what a record carries. */
const LONGEST_DETAIL = 500;

/** An alarm about the site as a whole: it names no pile. */
export function siteAlarm(code: FaultCode, alarmId: string, detail: string): RecordOf<'alarm.raised'> {
  const { severity } = faultCatalogue[code];
  const about = { pileId: null, connectorId: null, sessionId: null, detail: detail.slice(0, LONGEST_DETAIL) };
  return { kind: 'alarm.raised', alarmId, code, severity, ...about };
}

export function alarm(
  facts: ConnectorFacts,
  code: FaultCode,
  about: { alarmId: string; sessionId: string | null; detail: string },
): RecordOf<'alarm.raised'> {
  const { severity } = faultCatalogue[code];
  return { kind: 'alarm.raised', code, severity, pileId: facts.pileId, connectorId: facts.connectorId, ...about };
}
