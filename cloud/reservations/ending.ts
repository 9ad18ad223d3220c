import { type ErrorCode, errorCatalogue } from '#shared/errors.ts';
import type { Failure } from '../operations/finish.ts';
import type { ReservationEvent } from './machine.ts';

/** The partner itself, as who wanted a reservation cancelled. */
export const BY_PARTNER = 'partner';

/** How a reservation is told to end. */
export interface Ending {
  readonly event: ReservationEvent;
  /** One word for the partner. */
  readonly reason: string;
  /** Why it has not been kept; null where that is in order. */
  readonly failure: Failure | null;
  /** For how long it was held; null: it was not, or nobody knows. */
  readonly heldMs: number | null;
  readonly orderId?: string | null;
  /** By the site's word, or else now. */
  readonly endedAtMs?: number;
  /** The site may hold it all the same, and has to hear that it is not to. */
  readonly mayStillHold?: boolean;
}

export const failureOf = (code: ErrorCode, detail: string = errorCatalogue[code].en): Failure => ({ code, detail });
