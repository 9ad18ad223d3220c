import { ok, type Result, refuse } from '#shared/result.ts';
import type { ReservationEndReason } from '#shared/wire/records.ts';

/** `released`: ended on site, by us, or because its site is; `rejected`: it has never held. */
export const reservationStates = [
  'requested',
  'active',
  'used',
  'cancelled',
  'expired',
  'rejected',
  'released',
  'lost',
] as const;
export type ReservationState = (typeof reservationStates)[number];

export type ReservationEvent =
  /** The site holds the connector, and has said so in time. */
  | { readonly kind: 'activated' }
  /** The site has refused it, or nobody has confirmed it in time. */
  | { readonly kind: 'refused' }
  /** It was taken back before it held. */
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'ended'; readonly reason: ReservationEndReason }
  /** The site has told everything it has, and knows of no such reservation. */
  | { readonly kind: 'lost' }
  /** It has run out, but not because its holder would not come. */
  | { readonly kind: 'released' }
  /** Its credentials are revoked: nothing that the site says counts any more. */
  | { readonly kind: 'site-revoked' };

export type ReservationRefusal = 'not-active' | 'already-active' | 'already-ended';

const endedState: Record<ReservationEndReason, ReservationState> = {
  used: 'used',
  cancelled: 'cancelled',
  expired: 'expired',
  'not-confirmed': 'released',
  technician: 'released',
  'out-of-service': 'released',
};

export const isOpen = (state: ReservationState): boolean => state === 'requested' || state === 'active';

/** The life of a reservation. It ends once: what is told of it later changes nothing. */
export function nextReservationState(
  state: ReservationState,
  event: ReservationEvent,
): Result<ReservationState, ReservationRefusal> {
  if (!isOpen(state)) return refuse('already-ended');
  switch (event.kind) {
    case 'activated':
      return state === 'requested' ? ok('active') : refuse('already-active');
    case 'refused':
      return state === 'requested' ? ok('rejected') : refuse('already-active');
    case 'withdrawn':
      return state === 'requested' ? ok('cancelled') : refuse('already-active');
    case 'lost':
      return state === 'active' ? ok('lost') : refuse('not-active');
    case 'released':
    case 'site-revoked':
      return ok(state === 'active' ? 'released' : 'rejected');
    case 'ended':
      // What the site has held for a while, and the cloud has not heard of in time, was never the partner's.
      return ok(state === 'active' || event.reason === 'used' ? endedState[event.reason] : 'rejected');
  }
}
