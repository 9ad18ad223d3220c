import type { ErrorCode } from '#shared/errors.ts';
import type { PublicStatus } from '../stations/freshness.ts';
import type { Closure } from '../stations/hours/closures.ts';

/** What the cloud knows about a connector at the moment somebody wants to start there. */
export interface StartFacts {
  /** By what was announced: outside of the opening hours, or under planned maintenance. */
  readonly closure: Closure | null;
  readonly siteOnline: boolean;
  readonly status: PublicStatus;
  /** Null: the pile does not tell. The site looks again before it acts. */
  readonly plugged: boolean | null;
  readonly hasActiveOrder: boolean;
  readonly hasSession: boolean;
  readonly hasTariff: boolean;
  /** The site's software understands limits and holds. Older software leaves them out of a start that it takes. */
  readonly knowsLimits: boolean;
  /** The charge is to end by itself somewhere, or something is held for it. */
  readonly isLimited: boolean;
  /** The reservation that is under way at the connector; null: none is known. */
  readonly reservedFor: string | null;
  /** The one that is presented, and holds; null: none. */
  readonly presented: string | null;
}

/** Why a start is refused at once, or null. What only the site can see fails the operation later, with the same codes. */
export function refusalOfStart(facts: StartFacts): ErrorCode | null {
  if (facts.hasActiveOrder) return 'connector.occupied';
  if (facts.closure !== null) return facts.closure;
  if (facts.reservedFor !== facts.presented && facts.reservedFor !== null) return 'connector.reserved';
  if (!facts.siteOnline) return 'site.offline';
  if (facts.isLimited && !facts.knowsLimits) return 'site.outdated';
  if (facts.status === 'unknown' || facts.status === 'offline') return 'connector.offline';
  if (facts.status === 'faulted') return 'connector.faulted';
  if (facts.status === 'unavailable') return 'connector.disabled';
  if (facts.hasSession || ['starting', 'charging', 'stopping'].includes(facts.status)) return 'connector.occupied';
  // Held by the site for somebody of whom the cloud does not know.
  if (facts.status === 'reserved' && facts.presented === null) return 'connector.reserved';
  if (facts.plugged === false) return 'connector.not_plugged';
  if (!facts.hasTariff) return 'tariff.missing';
  return null;
}
