import { type BootClock, CORRECTION_TOLERANCE_MS, isBetterClock, restamp, type Stamp } from '#shared/stamp.ts';
import { type Session, withMark } from './session.ts';
import { fitTogether, presentBoot, type Resumption, sessionTimeMs } from './session-axis.ts';

/**
 * A session found in the ledger, on the present clock. In the boot that it belongs to it is repaired; in a later one its
 * axis goes on from there. Times of a boot that is over and was never confirmed stay as they are, and marked.
 */
export function takeUpSession(session: Session, now: Stamp): Session {
  const boot = presentBoot(session);
  if (boot.bootId === now.bootId) {
    return repairSession(session, {
      bootId: now.bootId,
      offsetMs: now.wallMs - now.monoMs,
      quality: now.clock,
    });
  }
  const resumed: Resumption = {
    bootId: now.bootId,
    monoMs: now.monoMs,
    atMs: sessionTimeMs(session, now),
    earliestMs: session.lastReading.atMs + 1,
    clock: now.clock,
  };
  const known = boot.clock === 'trusted' ? session : withMark(session, 'clock-untrusted');
  return { ...known, resumed };
}

/**
 * Shifts, as a whole, the times that were taken in this boot while less was known of its clock. Energies and durations
 * within the boot are unchanged; how long a boot took to follow the one before may turn out to be longer.
 *
 * @returns the same object when there is nothing to repair
 */
export function repairSession(session: Session, clock: BootClock): Session {
  const boot = presentBoot(session);
  if (boot.bootId !== clock.bootId || !isBetterClock(clock.quality, boot.clock)) return session;
  const toldMs = boot.monoMs + clock.offsetMs;
  const { resumed } = session;
  if (resumed) {
    const isTold = fitTogether(session.startedAt.clock, clock.quality, toldMs - resumed.earliestMs);
    const atMs = isTold ? Math.max(resumed.earliestMs, toldMs) : resumed.atMs;
    const shifted = shiftedFrom(session, resumed.atMs, atMs - resumed.atMs);
    return { ...shifted, resumed: { ...resumed, atMs, clock: clock.quality } };
  }
  const shiftMs = toldMs - boot.atMs;
  const shifted = shiftedFrom(session, Number.NEGATIVE_INFINITY, shiftMs);
  const startedAt = restamp(session.startedAt, clock);
  return { ...shifted, startedAt, confirmByWallMs: session.confirmByWallMs + shiftMs };
}

function shiftedFrom(session: Session, fromMs: number, shiftMs: number): Session {
  if (shiftMs === 0) return session;
  // A reading that is kept and the last one may be the same object, and stay so.
  const done = new Map<object, object>();
  const shift = <Told extends { readonly atMs: number }>(told: Told): Told => {
    const shifted = done.get(told) ?? (told.atMs < fromMs ? told : { ...told, atMs: told.atMs + shiftMs });
    done.set(told, shifted);
    return shifted as Told;
  };
  const [first, ...others] = session.readings;
  const shifted: Session = {
    ...session,
    readings: [shift(first), ...others.map(shift)],
    lastReading: shift(session.lastReading),
    meter: { ...session.meter, events: session.meter.events.map(shift) },
  };
  return Math.abs(shiftMs) > CORRECTION_TOLERANCE_MS ? withMark(shifted, 'clock-corrected') : shifted;
}

/** Marks a charge that ends while the time of a part of it has never been confirmed. */
export function withClockMark(session: Session): Session {
  const isConfirmed = session.startedAt.clock === 'trusted' && presentBoot(session).clock === 'trusted';
  return isConfirmed ? session : withMark(session, 'clock-untrusted');
}
