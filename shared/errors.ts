import { chargeErrors } from './errors/charge.ts';
import { creditErrors } from './errors/credit.ts';
import type { ErrorEntry, Fault } from './errors/entry.ts';
import { exchangeErrors } from './errors/exchange.ts';
import { identityErrors } from './errors/identity.ts';
import { partnerErrors } from './errors/partner.ts';
import { requestErrors } from './errors/request.ts';
import { sandboxErrors } from './errors/sandbox.ts';
import { siteErrors } from './errors/site.ts';
import { staffErrors } from './errors/staff.ts';
import { stationErrors } from './errors/station.ts';
import { webhookErrors } from './errors/webhook.ts';

/**
 * Every error that leaves a part of the system: a stable code, whose responsibility it is, what to do,
 * in English and Chinese. The codes are public (partner API, CLI, logs): they are added, never renamed.
 */
export const errorCatalogue = {
  ...requestErrors,
  ...stationErrors,
  ...chargeErrors,
  ...exchangeErrors,
  ...siteErrors,
  ...identityErrors,
  ...staffErrors,
  ...partnerErrors,
  ...webhookErrors,
  ...creditErrors,
  ...sandboxErrors,
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/** Where in a document something is wrong: a dotted path and the reason; line and column from 1 where its text is at hand. */
export interface Complaint {
  readonly path: string;
  readonly reason: string;
  /** In Chinese, where a person fills in a form. */
  readonly reasonZh?: string;
  readonly line?: number;
  readonly column?: number;
}

/** An error with a catalogue entry. `detail` names what and where; `complaints` lists bad fields. */
export class PilegateError extends Error {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly complaints: readonly Complaint[];

  /** When it may be tried again, in seconds; null: that depends on other things than time. */
  readonly retryAfterS: number | null;

  constructor(
    code: ErrorCode,
    detail: string,
    options: { complaints?: readonly Complaint[]; cause?: unknown; retryAfterS?: number } = {},
  ) {
    super(`${code}: ${detail}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PilegateError';
    this.code = code;
    this.detail = detail;
    this.complaints = options.complaints ?? [];
    this.retryAfterS = options.retryAfterS ?? null;
  }

  get fault(): Fault {
    return errorCatalogue[this.code].fault;
  }
}

export function isPilegateError(error: unknown): error is PilegateError {
  return error instanceof PilegateError;
}
