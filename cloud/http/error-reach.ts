import { type ErrorCode, errorCatalogue } from '#shared/errors.ts';
import { statusOf } from './problem.ts';

/** Who meets an error. `answer`: a partner, as an answer; `outcome`: a partner, as a `failure`; `inside`: staff, sites, programs. */
export type ErrorReach = 'answer' | 'outcome' | 'inside';

/** What partners are told of operations, orders and reservations that came to nothing, beside the codes of answers. */
const outcomes: ReadonlySet<ErrorCode> = new Set([
  'site.no_power',
  'pile.no_confirmation',
  'pile.write_failed',
  'operation.timed_out',
  'command.expired',
  'command.cancelled',
  'session.unknown',
  'session.lost',
  'reservation.lost',
  'store.unavailable',
] satisfies ErrorCode[]);

const FOR_STAFF_AND_SITES = /^(rollout|claim|credential|staff|alarm|alert|ticket|confirmation|partner|maintenance)\./;
const forStaff: ReadonlySet<ErrorCode> = new Set([
  'resource.exists',
  'tariff.version_exists',
  'command.unknown',
  'site.online',
  'application.changed',
  'credit.settled',
] satisfies ErrorCode[]);

export const errorCodes: readonly ErrorCode[] = Object.keys(errorCatalogue).filter(isErrorCode);

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCatalogue, text);
}

/** The status of an answer with this code; null: it is never an answer. */
export function httpStatusOf(code: ErrorCode): number | null {
  const status = statusOf(code);
  return status === 500 && code !== 'platform.internal' ? null : status;
}

export function reachOf(code: ErrorCode): ErrorReach {
  if (outcomes.has(code)) return 'outcome';
  const isTheirs = httpStatusOf(code) !== null && !FOR_STAFF_AND_SITES.test(code) && !forStaff.has(code);
  return isTheirs ? 'answer' : 'inside';
}
