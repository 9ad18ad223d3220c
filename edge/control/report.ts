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

export function alarm(
  facts: ConnectorFacts,
  code: FaultCode,
  about: { alarmId: string; sessionId: string | null; detail: string },
): RecordOf<'alarm.raised'> {
  const { severity } = faultCatalogue[code];
  return { kind: 'alarm.raised', code, severity, pileId: facts.pileId, connectorId: facts.connectorId, ...about };
}
