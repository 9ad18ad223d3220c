import type { ErrorCode } from '#shared/errors.ts';
import type { PublicStatus } from '../stations/freshness.ts';
import type { Closure } from '../stations/hours/closures.ts';

/** What the cloud knows about a connector at the moment somebody wants to reserve it. */
export interface ReserveFacts {
  /** By what was announced. */
  readonly closure: Closure | null;
  readonly siteOnline: boolean;
  readonly status: PublicStatus;
  /** Null: the pile does not tell. The site looks before it holds. */
  readonly plugged: boolean | null;
  readonly hasActiveOrder: boolean;
  readonly hasSession: boolean;
  readonly reservedFor: string | null;
  readonly knowsReservations: boolean;
  readonly hasTariff: boolean;
}

/** Why a reservation is refused at once, or null. What only the site can see fails the operation later, with the same codes. */
export function refusalOfReserve(facts: ReserveFacts): ErrorCode | null {
  const { status } = facts;
  if (facts.hasActiveOrder) return 'connector.occupied';
  if (facts.reservedFor !== null) return 'connector.reserved';
  if (facts.closure !== null) return facts.closure;
  if (!facts.siteOnline) return 'site.offline';
  if (!facts.knowsReservations) return 'site.outdated';
  if (status === 'unknown' || status === 'offline') return 'connector.offline';
  if (status === 'faulted') return 'connector.faulted';
  if (status === 'unavailable') return 'connector.disabled';
  if (status === 'reserved') return 'connector.reserved';
  if (facts.hasSession || facts.plugged === true || status !== 'available') return 'connector.occupied';
  return facts.hasTariff ? null : 'tariff.missing';
}
