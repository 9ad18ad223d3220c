import { expect, test } from 'vitest';
import type { Cdr } from '#shared/wire/cdr.ts';
import type { ReservationEndReason } from '#shared/wire/records.ts';
import { Holds } from './holds.ts';
import { Violations } from './violations.ts';

const HELD_MS = 600_000;
const told = { reservationId: 'v', connectorId: 'c' };
const invariant = 'a reservation is on the bill of the charge that has used it, and on no other';

/** What does not hold when a reservation has ended like that, and a charge after it is billed for so much of it. */
function judged(reason: ReservationEndReason, heldMs: number | null): string[] {
  const violations = new Violations(() => HELD_MS);
  let nowMs = 0;
  const holds = new Holds('s1', () => nowMs, violations);
  holds.note({ kind: 'reservation.active', ...told, commandId: 'r', pileId: 'p', untilMs: 2 * HELD_MS });
  nowMs = HELD_MS;
  const sessionId = reason === 'used' ? 's' : null;
  holds.note({ kind: 'reservation.ended', ...told, reason, sessionId, heldMs: HELD_MS, detail: null });
  const cdr = { sessionId: 's', ...(heldMs !== null && { reservation: { heldMs } }) } as Cdr;
  holds.note({ kind: 'session.ended', cdr });
  return violations.found.flatMap((found) => (found.invariant === invariant ? [found.invariant] : []));
}

test.each<[ReservationEndReason, number | null, boolean]>([
  ['used', HELD_MS, true],
  ['used', HELD_MS - 1, false],
  ['used', null, false],
  ['cancelled', null, true],
  ['cancelled', HELD_MS, false],
  ['technician', HELD_MS, false],
  ['out-of-service', 0, false],
])('OP-24 one that is %s, and on a bill for %s ms: %s', (reason, heldMs, isRight) => {
  expect(judged(reason, heldMs)).toEqual(isRight ? [] : [invariant]);
});
