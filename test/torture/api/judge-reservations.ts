import type { Cdr } from '#shared/wire/cdr.ts';
import type { ApiBooks, BookedRequest } from './judge-api.ts';

export interface BookedReservation {
  readonly reservationId: string;
  readonly connectorId: string;
  readonly state: string;
  /** When it began to hold; null: it never did. */
  readonly activeAtMs: number | null;
  readonly endedAtMs: number | null;
  /** Of the charge that has used it. */
  readonly orderId: string | null;
  /** Events of it that its partner was sent, in the order in which they came. */
  readonly told: readonly string[];
}

/** Each has one end, of which its partner is told once; what was asked of it came out so; and nobody else charges while it holds. */
export function judgeReservations(books: Pick<ApiBooks, 'reservations' | 'requests' | 'cdrs'>): string[] {
  const asked = Map.groupBy(books.requests, ({ reservationId }) => reservationId);
  return [
    ...books.reservations.flatMap((reservation) => [
      ...judgeStory(reservation),
      ...(asked.get(reservation.reservationId) ?? []).flatMap((request) => judgeOutcome(reservation, request)),
      ...judgeHold(reservation, books),
    ]),
    ...books.cdrs.flatMap((cdr) => judgeBill(cdr, books)),
  ];
}

/** The record of a charge has the reservation that it has used: any other has its price elsewhere, or none. */
function judgeBill({ sessionId, orderId, reservation }: Cdr, { reservations }: Pick<ApiBooks, 'reservations'>) {
  const hasUsed = reservations.some((one) => one.state === 'used' && one.orderId === orderId);
  if (hasUsed === (reservation !== undefined)) return [];
  return [
    `session ${sessionId} ${hasUsed ? 'has used a reservation' : 'has used none'}, and its record says otherwise`,
  ];
}

function judgeStory({ reservationId, state, activeAtMs, told }: BookedReservation): string[] {
  if (state === 'requested' || state === 'active') return [`reservation ${reservationId} is still ${state}`];
  const story = activeAtMs === null ? ['reservation.ended'] : ['reservation.active', 'reservation.ended'];
  if (told.join() === story.join()) return [];
  return [`reservation ${reservationId} is ${state}, and was told as [${told.join(', ')}]`];
}

/** It holds when the reserve succeeds; a cancel comes to nothing only where a charge has used it. */
function judgeOutcome({ reservationId, state, activeAtMs }: BookedReservation, request: BookedRequest): string[] {
  const { kind, outcome, operationId } = request;
  const hasSucceeded = outcome === 'succeeded';
  const isRight =
    kind === 'reserve'
      ? hasSucceeded === (activeAtMs !== null)
      : hasSucceeded || (state === 'used' && outcome === 'failed reservation.not_active');
  return isRight ? [] : [`${kind} ${operationId} is ${outcome}, and reservation ${reservationId} is ${state}`];
}

function judgeHold(
  one: BookedReservation,
  { reservations, cdrs, requests }: Pick<ApiBooks, 'reservations' | 'requests' | 'cdrs'>,
) {
  const { reservationId, connectorId, activeAtMs, endedAtMs, orderId, state } = one;
  if (activeAtMs === null || endedAtMs === null) return [];
  const isWithin = (atMs: number) => atMs > activeAtMs && atMs < endedAtMs;
  const here = cdrs.filter((cdr) => cdr.connectorId === connectorId);
  const hasBegun = (cdr: Cdr) =>
    requests.some(
      (request) => request.orderId === cdr.orderId && request.outcome === 'succeeded' && request.kind === 'start',
    );
  const users = here.filter((cdr) => state === 'used' && cdr.orderId === orderId);
  // Given back while his start was under way: his charge goes on without it.
  const isHolders = (cdr: Cdr) =>
    requests.some(({ orderId: own, presents }) => own === cdr.orderId && presents === reservationId);
  // A start that was taken back before the cloud had heard of its charge: it has used the reservation all the same, and costs nothing.
  const isUse = (cdr: Cdr) => hasBegun(cdr) || cdr.voidReason !== null;
  return [
    ...(state === 'used' && (users.length !== 1 || !users.every(isUse))
      ? [`reservation ${reservationId} is used by order ${orderId}, which has charged ${users.length} times`]
      : []),
    ...here
      // The holder's own start may come to nothing: then it is held on.
      .filter((cdr) => isWithin(cdr.startedAt.wallMs) && hasBegun(cdr) && !users.includes(cdr) && !isHolders(cdr))
      .map((cdr) => `session ${cdr.sessionId} began at ${connectorId} while reservation ${reservationId} held it`),
    ...reservations
      .filter((other) => other.connectorId === connectorId && other.activeAtMs !== null && isWithin(other.activeAtMs))
      .map((other) => `reservations ${reservationId} and ${other.reservationId} held ${connectorId} at a time`),
  ];
}
