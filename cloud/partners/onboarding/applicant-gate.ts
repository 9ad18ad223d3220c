import type { FastifyRequest } from 'fastify';
import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../../context.ts';
import { callerBlock } from '../../http/addresses.ts';
import { takeFromBucket } from '../../limits/rate-buckets.ts';
import type { RatePolicy } from '../../limits/rate-policy.ts';
import { bannedUntil, noteFailure, refusalOf } from '../bans.ts';
import type { ApplicationRow } from '../tables.ts';
import { findOwnApplication } from './applications.ts';

/** Of one caller: enough to correct a form, and one every two minutes from then on. */
export const REGISTRATION_POLICY: RatePolicy = { perMinute: 0.5, burst: 10 };
/** Of one application. */
const APPLICANT_POLICY: RatePolicy = { perMinute: 30, burst: 60 };

/** Of one caller, whatever his applications: each change is on the record for good. */
const CHANGES_POLICY: RatePolicy = { perMinute: 5, burst: 100 };

type ApplicantContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'logger'>;
type Hook = (request: FastifyRequest) => Promise<void>;

export interface ApplicantGate {
  /** For somebody who is not known yet: limited by address. */
  readonly stranger: Hook;
  /** For who holds the token of the application in the path. */
  readonly applicant: Hook;
  applicationOf(request: FastifyRequest): ApplicationRow;
}

/** Both hooks run before a body is read: nobody can send megabytes who has not shown a token. */
export function createApplicantGate(context: ApplicantContext): ApplicantGate {
  const applications = new WeakMap<FastifyRequest, ApplicationRow>();

  const limited = async (subject: string, bucketClass: string, policy: RatePolicy) => {
    const verdict = await takeFromBucket(context.db, subject, bucketClass, policy, context.clock.wallMs());
    if (verdict.isAllowed) return;
    throw new PilegateError('request.too_many', `wait ${verdict.waitS} s`, { retryAfterS: verdict.waitS });
  };
  const refuseBanned = async (caller: string) => {
    const nowMs = context.clock.wallMs();
    const untilMs = await bannedUntil(context.db, caller, nowMs);
    if (untilMs !== null) throw refusalOf(untilMs, nowMs);
  };

  return {
    async stranger(request) {
      const caller = callerBlock(request.ip);
      await refuseBanned(caller);
      await limited(`caller:${caller}`, 'registration', REGISTRATION_POLICY);
    },
    async applicant(request) {
      const caller = callerBlock(request.ip);
      await refuseBanned(caller);
      const token = /^Bearer (\S{1,100})$/.exec(request.headers.authorization ?? '')?.[1];
      if (token === undefined) throw new PilegateError('auth.missing', 'send Authorization: Bearer with the token');
      const { application_id: id = '' } = request.params as { application_id?: string };
      const row = await findOwnApplication(context.db, id, token);
      if (row === null) {
        await noteFailure(context, caller, 'wrong token of an application');
        throw new PilegateError('application.unknown', 'no such application with this token');
      }
      await limited(`application:${row.application_id}`, 'applicant', APPLICANT_POLICY);
      if (request.method !== 'GET' && request.method !== 'HEAD')
        await limited(`caller:${caller}`, 'application-changes', CHANGES_POLICY);
      applications.set(request, row);
    },
    applicationOf(request) {
      const row = applications.get(request);
      if (row === undefined) throw new Error('a route asks for its application without a gate');
      return row;
    },
  };
}
