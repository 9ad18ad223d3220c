import fc from 'fast-check';
import { expect, test } from 'vitest';
import { reservationEndReasonSchema } from '#shared/wire/records.ts';
import {
  isOpen,
  nextReservationState,
  type ReservationEvent,
  type ReservationState,
  reservationStates,
} from './machine.ts';

const reasons = reservationEndReasonSchema.options;
const events: ReservationEvent[] = [
  { kind: 'activated' },
  { kind: 'refused' },
  { kind: 'withdrawn' },
  { kind: 'lost' },
  { kind: 'site-revoked' },
  { kind: 'released' },
  ...reasons.map((reason) => ({ kind: 'ended', reason }) as const),
];
const after = (state: ReservationState, event: ReservationEvent) => {
  const next = nextReservationState(state, event);
  return next.ok ? next.value : next.reason;
};

test('OP-24 what is requested becomes active, or has never held', () => {
  expect(events.map((event) => after('requested', event))).toEqual([
    'active',
    'rejected',
    'cancelled',
    'not-active',
    'rejected',
    'rejected',
    'used',
    'rejected',
    'rejected',
    'rejected',
    'rejected',
    'rejected',
  ]);
});

test('OP-24 what is active ends for the reason that the site tells, or because nobody knows of it any more', () => {
  expect(events.map((event) => after('active', event))).toEqual([
    'already-active',
    'already-active',
    'already-active',
    'lost',
    'released',
    'released',
    'used',
    'cancelled',
    'expired',
    'released',
    'released',
    'released',
  ]);
});

test('OP-24 whatever happens in whatever order, a reservation ends once and stays as it ended', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...events), { maxLength: 12 }), (story) => {
      let state: ReservationState = 'requested';
      let ends = 0;
      for (const event of story) {
        const next = nextReservationState(state, event);
        if (!isOpen(state)) expect(next.ok).toBe(false);
        if (!next.ok) continue;
        if (!isOpen(next.value)) ends += 1;
        state = next.value;
      }
      expect(ends).toBe(isOpen(state) ? 0 : 1);
      expect(reservationStates).toContain(state);
    }),
  );
});
