import type { Stamp } from '#shared/stamp.ts';
import type { ReserveCommand } from '#shared/wire/messages.ts';

interface Known {
  readonly at: Stamp;
  readonly heldMs: number;
}

/** For whom a connector is held, and for how much longer. On disk while it lasts. */
export interface Reservation {
  readonly reservationId: string;
  /** The command that has made it. */
  readonly commandId: string;
  readonly requestId: string;
  readonly untilMs: number;
  /** By then the cloud has to have acknowledged it. */
  readonly confirmByMs: number;
  /** What was left of either when it was last looked at. They only ever fall. */
  readonly leftMs: number;
  readonly confirmLeftMs: number;
  /** For how long it has been held, as far as that is known. */
  readonly heldMs: number;
  readonly seen: Stamp;
  /** While nobody knows the time: when it was last known, and for how long it had been held by then. */
  readonly known?: Known;
  /** What is on disk was seen then. */
  readonly stored: Stamp;
  /** The cloud knows that it holds. */
  readonly acknowledged: boolean;
}

/** So much of it a power cut may forget, while nobody knows the time: by so much it may then hold longer. */
const SAVE_EVERY_MS = 60_000;

/**
 * A hold that begins now, under a trusted clock. However that clock is set later, it lasts no longer than it was to last when it was
 * ordered.
 *
 * @param confirmWithinMs how long the command is still good for
 */
export function holdOf(command: ReserveCommand, confirmWithinMs: number, now: Stamp): Reservation {
  const { reservationId, commandId, requestId, untilMs, issuedAtMs } = command;
  return {
    reservationId,
    commandId,
    requestId,
    untilMs,
    confirmByMs: now.wallMs + confirmWithinMs,
    leftMs: Math.min(untilMs - now.wallMs, untilMs - issuedAtMs),
    confirmLeftMs: confirmWithinMs,
    heldMs: 0,
    seen: now,
    stored: now,
    acknowledged: false,
  };
}

/**
 * What is left of it now. Time that has passed within a boot counts by the monotonic clock; a trusted clock tells the rest, so also
 * for how long the box was without power. A clock that nobody has confirmed neither ends a hold nor makes it longer: until the time is
 * known it goes on by what has been counted, and so ends in any case. It is held for no longer than there was left of it.
 */
export function countedDown(reservation: Reservation, now: Stamp): Reservation {
  const { known: _, ...held } = reservation;
  const { heldMs, leftMs, confirmLeftMs, untilMs, confirmByMs } = held;
  const known = lastKnown(reservation);
  const passedMs = passedSince(reservation, known, now);
  const isKnown = now.clock === 'trusted';
  const byClock = (endMs: number): number => (isKnown ? endMs - now.wallMs : Infinity);
  return {
    ...held,
    seen: now,
    ...(!isKnown && known !== null && { known }),
    heldMs: heldMs + Math.min(passedMs, Math.max(0, leftMs)),
    leftMs: Math.min(leftMs - passedMs, byClock(untilMs)),
    confirmLeftMs: Math.min(confirmLeftMs - passedMs, byClock(confirmByMs)),
  };
}

const lastKnown = ({ seen, heldMs, known }: Reservation): Known | null =>
  seen.clock === 'trusted' ? { at: seen, heldMs } : (known ?? null);

/** Since it was seen, with all that was not counted since the time was last known in another boot, once it is known again. */
function passedSince({ seen, heldMs }: Reservation, known: Known | null, now: Stamp): number {
  const countedMs = seen.bootId === now.bootId ? Math.max(0, now.monoMs - seen.monoMs) : 0;
  if (known === null || now.clock !== 'trusted' || known.at.bootId === now.bootId) return countedMs;
  return Math.max(countedMs, now.wallMs - known.at.wallMs - (heldMs - known.heldMs));
}

/** What has been counted since it was last stored is worth storing. */
export const isWorthStoring = ({ stored }: Reservation, now: Stamp): boolean =>
  stored.bootId !== now.bootId || now.monoMs - stored.monoMs >= SAVE_EVERY_MS;
