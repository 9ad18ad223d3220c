import type { FaultCode } from '#shared/faults.ts';
import type { Stamp } from '#shared/stamp.ts';
import type { ChargeTerms, MeterReading } from '#shared/tariff/rate.ts';
import {
  type Cdr,
  type CdrMark,
  type ChargeTarget,
  MAX_METER_EVENTS,
  type MeterEvent,
  type StopReason,
} from '#shared/wire/cdr.ts';
import type { ChargeWish } from './charge-wish.ts';
import { COMMUNICATION_LOST_AFTER_MS } from './interlocks.ts';
import { type EnergyRegister, firstTrack, type MeterFinding, type MeterTrack, type Tracked } from './meter-track.ts';
import type { Outage } from './outage.ts';
import { LONGEST_OUTAGE_MS, type Resumption, sessionTimeMs } from './session-axis.ts';

/** Why a session is being stopped, and the stop commands that wait to hear that it is. */
export interface StopCause {
  readonly reason: StopReason;
  readonly fault: FaultCode | null;
  readonly voidReason: Cdr['voidReason'];
  readonly commandIds: readonly string[];
  /** Where it was asked to end and has come to; missing when something else ended it. */
  readonly target?: ChargeTarget;
}

/** What is known of the meter, so that a restart can go on counting where it was. */
export interface SessionMeter {
  readonly track: MeterTrack;
  readonly events: readonly MeterEvent[];
  readonly eventsLeftOut: number;
}

/** One charge as the edge owns it: everything that must survive a power cut. */
export interface Session extends ChargeWish {
  readonly sessionId: string;
  readonly pileId: string;
  readonly connectorId: string;
  /** The most that this charge may be offered. */
  readonly limitMa: number;
  /** What it was offered last: a restart goes on with that. */
  readonly offeredMa: number;
  /** For how long the connector had been held for it when it was opened; null: it was not, or it has begun without that. */
  readonly heldMs: number | null;
  readonly startedAt: Stamp;
  /** The start must be confirmed by the pile, and an order's acknowledged by the cloud, by then, or it is undone. */
  readonly confirmByWallMs: number;
  /** Readings that the bill needs: the first, and those around each change of the price band. */
  readonly readings: readonly [MeterReading, ...MeterReading[]];
  readonly lastReading: MeterReading;
  readonly meter: SessionMeter;
  readonly marks: readonly CdrMark[];
  /** The pile has shown that it charges, and that has been recorded. */
  readonly confirmed: boolean;
  /** The cloud has the record of it. */
  readonly acknowledged: boolean;
  /** Current has been seen to flow. */
  readonly sawCurrent: boolean;
  /** How often the pile has been told to go on after it had restarted. */
  readonly restarts: number;
  /** When it was taken up in a later boot than the one before; null while it runs in the boot that it was started in. */
  readonly resumed: Resumption | null;
  readonly stop: StopCause | null;
}

/** What the charge is rated with beside its readings. One that has not been confirmed has used no reservation. */
export const termsOf = ({ confirmed, heldMs, holdMinor }: Session): ChargeTerms => ({
  ...(confirmed && heldMs !== null && { reservation: { heldMs } }),
  ...(holdMinor !== null && { holdMinor }),
});

/** Somebody in the cloud waits to hear that the order's charge has begun. */
export const isAwaited = ({ commandId, acknowledged }: Session): boolean => commandId !== null && !acknowledged;

/** From the start of a charge until its vehicle draws, the contactor is closed, and the new count is believed. */
const COUNT_BEGINS_WITHIN_MS = 60_000;

/** A session from an accepted start. Its first meter reading, taken before any energy can flow, begins its axis. */
export function openSession(
  wish: ChargeWish,
  facts: {
    sessionId: string;
    pileId: string;
    connectorId: string;
    limitMa: number;
    offeredMa: number;
    track: MeterTrack;
    now: Stamp;
    confirmByWallMs: number;
    heldMs: number | null;
  },
): Session {
  const { rawWh, meterId, monoMs } = facts.track;
  const first: MeterReading = { atMs: facts.now.wallMs, registerWh: rawWh, quality: 'measured' };
  return {
    ...wish,
    sessionId: facts.sessionId,
    pileId: facts.pileId,
    connectorId: facts.connectorId,
    limitMa: facts.limitMa,
    offeredMa: facts.offeredMa,
    heldMs: facts.heldMs,
    startedAt: facts.now,
    confirmByWallMs: facts.confirmByWallMs,
    readings: [first],
    lastReading: first,
    meter: { track: firstTrack(rawWh, meterId, monoMs), events: [], eventsLeftOut: 0 },
    marks: [],
    confirmed: false,
    acknowledged: false,
    sawCurrent: false,
    restarts: 0,
    resumed: null,
    stop: null,
  };
}

/** What sessions stored by older versions do not have. */
type LaterFields =
  | 'meter'
  | 'offeredMa'
  | 'sawCurrent'
  | 'restarts'
  | 'resumed'
  | 'startedBy'
  | 'limits'
  | 'holdMinor'
  | 'reservationId'
  | 'heldMs';

/** A session as it was stored, by whatever version: one from before meters were tracked had raw readings only. */
export function restoreSession(stored: Omit<Session, LaterFields> & Partial<Pick<Session, LaterFields>>): Session {
  const track = firstTrack(stored.lastReading.registerWh, null, stored.startedAt.monoMs);
  const meter = stored.meter ?? { track, events: [], eventsLeftOut: 0 };
  // Nobody knows whether an older version saw current: it is not held against the charge.
  const unasked = { startedBy: null, limits: {}, holdMinor: null, reservationId: null, heldMs: null };
  return { offeredMa: stored.limitMa, sawCurrent: true, restarts: 0, resumed: null, ...unasked, ...stored, meter };
}

/** The track as it was when the last reading was taken, on the present clock; how old it is at most, nobody may know. */
export function resumedTrack(session: Session, outage: Outage, now: Stamp): MeterTrack {
  const { track } = session.meter;
  const shiftMs = now.monoMs - outage.leastMs - track.monoMs;
  const doubt = track.doubt && {
    ...track.doubt,
    monoMs: track.doubt.monoMs + shiftMs,
    sinceMonoMs: track.doubt.sinceMonoMs + shiftMs,
  };
  const monoMs = track.monoMs + shiftMs;
  const unwatched = { watchedFromMonoMs: now.monoMs, unseenMs: unseenMsOf(track, outage) };
  return { ...track, ...unwatched, doubt, monoMs, powerW: 0, unmovedWh: 0, silence: null };
}

/** A time that nobody can tell stays so until the register has been believed again, however often the process ends before. */
function unseenMsOf({ unseenMs }: MeterTrack, { leastMs, mostMs, clocksApartMs }: Outage): number | null {
  const longestMs = mostMs + clocksApartMs;
  if (unseenMs == null) return longestMs > leastMs ? longestMs : null;
  return Math.max(longestMs, Math.min(unseenMs + longestMs, LONGEST_OUTAGE_MS));
}

/**
 * Takes what has been found out about the register: each finding is evidence, and a mark.
 *
 * @param before the track before this look
 */
export function withFindings(
  session: Session,
  { track, findings }: Pick<Tracked, 'findings' | 'track'>,
  kind: EnergyRegister['kind'],
  before: MeterTrack | null,
  now: Stamp,
): Session {
  const counted = track === null ? session : { ...session, meter: { ...session.meter, track } };
  return findings.reduce((noting, finding) => {
    const noted = withEvent(noting, { ...finding, atMs: sessionTimeMs(session, now) });
    const isExpected = kind === 'per-session' && isBeginOfCount(session, finding, before, now);
    return isExpected ? noted : withMark(noted, `meter-${finding.kind}`);
  }, counted);
}

/**
 * A register of each charge shows the charge before until it begins to count this one, soon after the start and from one
 * look to the next. Later, or when nobody saw it for a while, a reset may have taken energy with it.
 */
function isBeginOfCount(session: Session, finding: MeterFinding, before: MeterTrack | null, now: Stamp): boolean {
  const hasCounted = session.lastReading.registerWh > session.readings[0].registerWh;
  const isSoon = sessionTimeMs(session, now) - session.readings[0].atMs <= COUNT_BEGINS_WITHIN_MS;
  const unseenMs = before?.doubt == null ? 0 : before.doubt.sinceMonoMs - before.monoMs;
  return finding.kind === 'reset' && !hasCounted && isSoon && unseenMs <= COMMUNICATION_LOST_AFTER_MS;
}

function withEvent(session: Session, event: MeterEvent): Session {
  const { events, eventsLeftOut } = session.meter;
  const isFull = events.length >= MAX_METER_EVENTS;
  const meter = isFull ? { eventsLeftOut: eventsLeftOut + 1 } : { events: [...events, event] };
  return { ...session, meter: { ...session.meter, ...meter } };
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
