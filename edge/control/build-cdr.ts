import type { Stamp } from '#shared/stamp.ts';
import { type ChargeTerms, type MeterReading, type Rating, rate } from '#shared/tariff/rate.ts';
import type { Cdr } from '#shared/wire/cdr.ts';
import { unsettled } from './meter-track.ts';
import { withClockMark } from './repair-session.ts';
import { type Session, type StopCause, termsOf, withFindings, withMark } from './session.ts';
import { sessionTimeMs, stampOnAxis } from './session-axis.ts';

interface CdrFacts {
  readonly cdrId: string;
  readonly siteId: string;
  readonly now: Stamp;
  /** The record of the vehicle's staying that follows; null when none does. */
  readonly occupancyId: string | null;
}

/**
 * Writes the charge detail record of a session that has ended. A record that cannot be rated goes out without
 * a price but with all its evidence; it never gets a price from elsewhere.
 */
export function buildCdr(ended: Session, cause: StopCause, facts: CdrFacts): Cdr {
  const session = withClockMark(withOpenQuestions(ended, facts.now));
  const readings = closingReadings(session, facts.now);
  const first = session.readings[0];
  const last = readings.at(-1) ?? first;
  const terms = termsOf(session);
  return {
    cdrId: facts.cdrId,
    sessionId: session.sessionId,
    siteId: facts.siteId,
    pileId: session.pileId,
    connectorId: session.connectorId,
    orderId: session.orderId,
    commandId: session.commandId,
    ...(session.startedBy !== null && { startedBy: session.startedBy }),
    startedAt: session.startedAt,
    endedAt: stampOnAxis(session, facts.now),
    durationMs: last.atMs - first.atMs,
    meterStartWh: first.registerWh,
    meterEndWh: last.registerWh,
    energyWh: last.registerWh - first.registerWh,
    rawStartWh: first.registerWh,
    rawEndWh: session.meter.track.rawWh,
    meterEvents: [...session.meter.events],
    ...(session.meter.eventsLeftOut > 0 && { meterEventsLeftOut: session.meter.eventsLeftOut }),
    readings,
    stopReason: cause.reason,
    ...(cause.target !== undefined && { target: cause.target }),
    ...(Object.keys(session.limits).length > 0 && { limits: session.limits }),
    faultCode: cause.fault,
    marks: [...session.marks],
    voidReason: cause.voidReason,
    tariff: session.tariff,
    ...terms,
    rating: rateOrNull(session, readings, terms),
    ...(facts.occupancyId !== null && { occupancyId: facts.occupancyId }),
  };
}

/** A register that is in doubt, or not told, at the end: its last believed value stands, and the record says so. */
function withOpenQuestions(session: Session, now: Stamp): Session {
  const { track } = session.meter;
  if (track.doubt === null && track.silence === null) return session;
  const finding = unsettled(track);
  const findings = finding === null ? [] : [finding];
  return withMark(withFindings(session, { track, findings }, 'cumulative', null, now), 'end-estimated');
}

function closingReadings(session: Session, now: Stamp): MeterReading[] {
  const { readings, lastReading } = session;
  const end = session.marks.includes('end-estimated')
    ? { atMs: sessionTimeMs(session, now), registerWh: lastReading.registerWh, quality: 'estimated' as const }
    : lastReading;
  const isKept = readings.length > 1 && readings.at(-1) === end;
  return isKept ? [...readings] : [...readings, end];
}

function rateOrNull({ tariff }: Session, readings: readonly MeterReading[], terms: ChargeTerms): Rating | null {
  if (tariff === null) return null;
  try {
    return rate(tariff, readings, terms);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
