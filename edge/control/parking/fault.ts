import { faultCatalogue } from '#shared/faults.ts';
import type { RecordOf } from '#shared/wire/records.ts';
import type { MoveFailure, ParkingContext, ParkingFault, ParkingState } from './parking.ts';

const FAULT = 'parking-lock-fault';
/** So many polls in a row without an answer: nobody sees any more what the device does. */
export const SILENT_AFTER_FAILURES = 3;

const details: Record<ParkingFault, string> = {
  silent: 'does not answer',
  damaged: 'arm or boom is damaged',
  jammed: 'jammed: an end was not reached',
  'not-detected': 'tells a position or an alarm that has no meaning',
};

function alarm(detail: string, { facts, newId }: ParkingContext): RecordOf<'alarm.raised'> {
  const { pileId, connectorId, device } = facts;
  const { severity } = faultCatalogue[FAULT];
  const text = `${device}: ${detail}`;
  return {
    kind: 'alarm.raised',
    alarmId: newId(),
    code: FAULT,
    severity,
    pileId,
    connectorId,
    sessionId: null,
    detail: text,
  };
}

/** A barring move was broken off, and the bay is freed. */
export const obstacleAlarm = (reason: MoveFailure, context: ParkingContext): RecordOf<'alarm.raised'> =>
  alarm(`broken off while barring the bay (${reason}), and freed again`, context);

/** The alarm of a fault that has come up. */
export const faultAlarm = (fault: ParkingFault, context: ParkingContext): RecordOf<'alarm.raised'> =>
  alarm(details[fault], context);

/** What is wrong with the device, judged by everything that was seen of it. */
export function faultOf(state: ParkingState, context: ParkingContext): ParkingFault | null {
  const { reading, failuresInRow, unreached, betweenSinceMonoMs } = state;
  const { facts, nowMonoMs } = context;
  if (failuresInRow >= SILENT_AFTER_FAILURES) return 'silent';
  if (reading?.alarm === 'damaged') return 'damaged';
  const isStranded = betweenSinceMonoMs !== null && nowMonoMs - betweenSinceMonoMs >= facts.moveTimeoutMs;
  if (reading?.alarm === 'jammed' || unreached !== null || isStranded) return 'jammed';
  const isNonsense = reading !== null && (reading.alarm === 'unknown' || reading.position === 'unknown');
  return isNonsense ? 'not-detected' : null;
}
