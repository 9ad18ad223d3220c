import { z } from 'zod';
import { type ErrorCode, errorCatalogue } from '#shared/errors.ts';

/** RFC 9457 problem details, with the catalogue's fields beside the standard ones. */
export const problemSchema = z
  .object({
    type: z.string().describe('where this kind of problem is explained, from the address that was called'),
    title: z.string(),
    title_zh: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('stable: branch on this'),
    fault: z.enum(['caller', 'vehicle', 'pile', 'site', 'network', 'platform']).describe('whose responsibility it is'),
    what_to_do: z.string(),
    what_to_do_zh: z.string(),
    request_id: z.string().optional(),
    challenge: z.string().optional().describe('with confirmation.required: what a fresh code confirms'),
    errors: z
      .array(
        z.object({
          pointer: z.string().describe('JSON Pointer as a URI fragment'),
          detail: z.string(),
          detail_zh: z.string().optional(),
        }),
      )
      .optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;

/** What each code means over HTTP. Codes that never leave by this door are the platform's own failure. */
const statuses: Partial<Record<ErrorCode, number>> = {
  'auth.missing': 401,
  'auth.unknown_key': 401,
  'auth.bad_signature': 401,
  'auth.stale_timestamp': 401,
  'auth.reused_nonce': 401,
  'auth.forbidden': 403,
  'request.invalid': 400,
  'request.not_json': 400,
  'request.too_large': 413,
  'request.not_found': 404,
  'station.unknown': 404,
  'webhook.unknown': 404,
  'rollout.unknown': 404,
  'rollout.site_busy': 409,
  'rollout.no_way_back': 409,
  'rollout.state': 409,
  'resource.exists': 409,
  'tariff.version_exists': 409,
  'request.method': 405,
  'request_id.reused': 422,
  'connector.unknown': 404,
  'pile.unknown': 404,
  'pile_code.unknown': 404,
  'tariff.unknown': 404,
  'stream.too_many': 429,
  'connector.occupied': 409,
  'connector.reserved': 409,
  'reservation.unknown': 404,
  'reservation.not_active': 409,
  'reservation.wrong_connector': 409,
  'reservation.too_long': 422,
  'reservation.too_many': 409,
  'connector.not_plugged': 409,
  'connector.faulted': 409,
  'connector.disabled': 409,
  'connector.offline': 409,
  'site.offline': 409,
  'site.online': 409,
  'site.outdated': 409,
  'site.no_power': 409,
  'order.unknown': 404,
  'order.not_running': 409,
  'amount.below_minimum': 409,
  'hold.none': 409,
  'hold.not_higher': 409,
  'operation.unknown': 404,
  'command.unknown': 404,
  'tariff.missing': 409,
  'webhook.address_refused': 422,
  'webhook.disabled': 409,
  'sandbox.only': 403,
  'sandbox.no_rig': 409,
  'sandbox.fault_exists': 409,
  'sandbox.fault_unknown': 404,
  'sandbox.too_many': 409,
  'sandbox.busy': 409,
  'sandbox.fault_refused': 409,
  'webhook.too_many': 409,
  'webhook.delivery_unknown': 404,
  'webhook.event_unknown': 404,
  'webhook.replay_busy': 409,
  'claim.unknown': 404,
  'claim.used': 409,
  'claim.expired': 410,
  'claim.too_many': 429,
  'credential.kind': 409,
  'credential.refused': 409,
  'staff.forbidden': 403,
  'auth.address_refused': 403,
  'auth.suspended': 403,
  'auth.banned': 429,
  'request.too_many': 429,
  'application.unknown': 404,
  'application.state': 409,
  'application.changed': 409,
  'application.incomplete': 409,
  'application.file_refused': 422,
  'application.no_room': 503,
  'station.closed': 409,
  'station.maintenance': 409,
  'maintenance.unknown': 404,
  'maintenance.over': 409,
  'credit.none': 409,
  'credit.exhausted': 402,
  'credit.unknown': 404,
  'credit.settled': 409,
  'partner.unknown': 404,
  'key.unknown': 404,
  'key.state': 409,
  'staff.login_refused': 401,
  'staff.session_over': 401,
  'staff.token_over': 401,
  'staff.invitation_refused': 403,
  'staff.too_many': 429,
  'staff.unknown': 404,
  'staff.last_owner': 409,
  'alarm.unknown': 404,
  'alarm.closed': 409,
  'alert.unknown': 404,
  'alert.closed': 409,
  'alert.channel_unknown': 404,
  'ticket.unknown': 404,
  'ticket.state': 409,
  'confirmation.required': 403,
  'confirmation.by_person': 403,
  'confirmation.unknown': 404,
  'platform.unavailable': 503,
};

export const statusOf = (code: ErrorCode): number => statuses[code] ?? 500;

/** The `type` of problems with a code: an address of this cloud, relative to the one that was called. */
export const typeOf = (code: ErrorCode): string => `/errors/${code}`;

export interface ProblemFacts {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly status?: number;
  readonly requestId?: string;
  readonly challenge?: string;
  readonly errors?: { pointer: string; detail: string; detail_zh?: string }[];
}

/** The document a caller gets for an error. */
export function problemOf(facts: ProblemFacts): Problem {
  const entry = errorCatalogue[facts.code];
  return {
    type: typeOf(facts.code),
    title: entry.en,
    title_zh: entry.zh,
    status: facts.status ?? statusOf(facts.code),
    detail: facts.detail,
    code: facts.code,
    fault: entry.fault,
    what_to_do: entry.doEn,
    what_to_do_zh: entry.doZh,
    ...(facts.requestId === undefined ? {} : { request_id: facts.requestId }),
    ...(facts.challenge === undefined ? {} : { challenge: facts.challenge }),
    ...(facts.errors === undefined || facts.errors.length === 0 ? {} : { errors: facts.errors }),
  };
}

/** Codes that any signed request can meet. */
export const signedProblems = [
  'auth.missing',
  'auth.unknown_key',
  'auth.bad_signature',
  'auth.stale_timestamp',
  'auth.reused_nonce',
  'auth.forbidden',
  'auth.address_refused',
  'auth.suspended',
  'auth.banned',
  'request.too_many',
  'request.invalid',
  'request.not_json',
  'platform.unavailable',
  'platform.internal',
] as const satisfies readonly ErrorCode[];

/** Response schemas for a route's errors, with the codes and their meaning listed per status. */
export function problems(...codes: readonly ErrorCode[]) {
  const byStatus = Map.groupBy(codes, statusOf);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map((code) => `\`${code}\`: ${errorCatalogue[code].en}`).join('\n\n'),
        content: { 'application/problem+json': { schema: problemSchema } },
      },
    ]),
  );
}

/** The response schema of a route that answers with a file. */
export const fileAnswer = (description: string, mediaType: string) => ({
  description,
  content: { [mediaType]: { schema: z.unknown() } },
});
