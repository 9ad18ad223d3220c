import type { FaultCode } from '#shared/faults.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { MeterReading } from '#shared/tariff/rate.ts';
import type { Tariff } from '#shared/tariff/tariff.ts';
import type { Cdr, CdrMark, StopReason } from '#shared/wire/cdr.ts';
import type { StartCommand } from '#shared/wire/messages.ts';

/** Why a session is being stopped, and the stop commands that wait to hear that it is. */
export interface StopCause {
  readonly reason: StopReason;
  readonly fault: FaultCode | null;
  readonly voidReason: Cdr['voidReason'];
  readonly commandIds: readonly string[];
}

/** One charge as the edge owns it: everything that must survive a power cut. */
export interface Session {
  readonly sessionId: string;
  readonly pileId: string;
  readonly connectorId: string;
  readonly orderId: string;
  readonly commandId: string;
  readonly requestId: string;
  readonly tariff: Tariff;
  readonly limitMa: number;
  readonly startedAt: Stamp;
  /** The start must be confirmed by the pile and acknowledged by the cloud by then, or it is undone. */
  readonly confirmByWallMs: number;
  /** Readings that the bill needs: the first, and those around each change of the price band. */
  readonly readings: readonly [MeterReading, ...MeterReading[]];
  readonly lastReading: MeterReading;
  readonly marks: readonly CdrMark[];
  /** The pile has shown that it charges, and that has been recorded. */
  readonly confirmed: boolean;
  /** The cloud has the record of it. */
  readonly acknowledged: boolean;
  readonly stop: StopCause | null;
}

/** A session from an accepted start. Its first meter reading is taken before any energy can flow. */
export function openSession(
  command: StartCommand,
  facts: {
    sessionId: string;
    pileId: string;
    limitMa: number;
    registerWh: number;
    now: Stamp;
    confirmByWallMs: number;
  },
): Session {
  const first: MeterReading = { atMs: facts.now.wallMs, registerWh: facts.registerWh, quality: 'measured' };
  return {
    sessionId: facts.sessionId,
    pileId: facts.pileId,
    connectorId: command.connectorId,
    orderId: command.orderId,
    commandId: command.commandId,
    requestId: command.requestId,
    tariff: command.tariff,
    limitMa: facts.limitMa,
    startedAt: facts.now,
    confirmByWallMs: facts.confirmByWallMs,
    readings: [first],
    lastReading: first,
    marks: [],
    confirmed: false,
    acknowledged: false,
    stop: null,
  };
}

/**
 * The time of a reading on the session's own axis. Within one boot it runs with the monotonic clock, so a
 * corrected wall clock bends neither the order of readings nor the duration of the charge.
 */
export function sessionTimeMs(session: Session, now: Stamp): number {
  if (now.bootId === session.startedAt.bootId) {
    return session.startedAt.wallMs + Math.max(0, now.monoMs - session.startedAt.monoMs);
  }
  return Math.max(session.lastReading.atMs, now.wallMs);
}

export function withMark(session: Session, mark: CdrMark): Session {
  return session.marks.includes(mark) ? session : { ...session, marks: [...session.marks, mark] };
}

/** Takes a plausible register value; where the price band has changed, both neighbours are kept for the bill. */
export function withReading(
  session: Session,
  registerWh: number,
  now: Stamp,
  bandChanged: (from: number, to: number) => boolean,
): Session {
  const reading: MeterReading = { atMs: sessionTimeMs(session, now), registerWh, quality: 'measured' };
  const crossed = bandChanged(session.lastReading.atMs, reading.atMs);
  const kept = session.readings.at(-1);
  const before = kept === session.lastReading ? [] : [session.lastReading];
  return {
    ...session,
    readings: crossed ? [...session.readings, ...before, reading] : session.readings,
    lastReading: reading,
  };
}
