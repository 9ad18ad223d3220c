import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest, preValidationAsyncHookHandler } from 'fastify';
import { PilegateError } from '#shared/errors.ts';
import { recordAudit } from '../audit/record.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { endingWith } from '../db/transaction.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import { ruleOf, type StaffAction } from './actions.ts';
import { SERVICE_CALLER, type StaffCaller } from './caller.ts';
import { type Permission, roleMay } from './roles.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a route of the staff needs. */
    staffPermission?: Permission;
    /** What it does; absent: it reads. */
    staffAction?: StaffAction;
  }
}

interface RouteParts {
  readonly config: { readonly staffPermission: Permission; readonly staffAction?: StaffAction };
  readonly preValidation: preValidationAsyncHookHandler[];
}

export interface Subject {
  readonly kind: string;
  readonly id: string;
}

/** The door of the staff. */
export interface StaffGate {
  /** For a route that changes nothing. */
  reads(permission: Permission): RouteParts;
  /** For a route that changes something: its handler writes by `recording`. */
  does(action: StaffAction): RouteParts;
  /** Who asks, once the gate has let them in. */
  callerOf(request: FastifyRequest): StaffCaller;
  /**
   * The name that is put on the record. A person is called as the account says; a machine tells for whom it asks.
   *
   * @throws PilegateError `request.invalid`
   */
  personOf(request: FastifyRequest, given: string | undefined): string;
  /** The database, of which every transaction ends with the audit row of this request's action. */
  recording(request: FastifyRequest, subject: Subject, detail?: object): Db;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Lets in whoever holds the staff token and may do what the route does. */
export function createStaffGate(
  context: Pick<CloudContext, 'db' | 'clock' | 'processId'>,
  staffToken: string,
): StaffGate {
  const expected = digest(`Bearer ${staffToken}`);
  const callers = new WeakMap<FastifyRequest, StaffCaller>();

  const enter = (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    reply.header('pilegate-correlation', correlationOf(context, request));
    const given = request.headers.authorization;
    if (given === undefined) return Promise.reject(new PilegateError('auth.missing', 'send Authorization: Bearer'));
    if (!timingSafeEqual(expected, digest(given)))
      return Promise.reject(new PilegateError('auth.unknown_key', 'not the staff token'));
    const { staffPermission: permission } = request.routeOptions.config;
    const caller = SERVICE_CALLER;
    if (permission === undefined || !roleMay(caller.role, permission))
      return Promise.reject(new PilegateError('staff.forbidden', `${caller.role} has not ${permission}`));
    callers.set(request, caller);
    return Promise.resolve();
  };
  const preValidation = [enter, parseJsonBody];

  const callerOf = (request: FastifyRequest): StaffCaller => {
    const caller = callers.get(request);
    if (caller === undefined) throw new Error('a route asks for its caller without a gate');
    return caller;
  };

  return {
    reads: (permission) => ({ config: { staffPermission: permission }, preValidation }),
    does: (action) => ({
      config: { staffPermission: ruleOf(action).permission, staffAction: action },
      preValidation,
    }),
    callerOf,
    personOf(request, given) {
      const caller = callerOf(request);
      if (caller.sessionId !== null) return caller.name;
      if (given !== undefined) return given;
      const complaints = [{ path: 'requested_by', reason: 'a machine says for whom it asks' }];
      throw new PilegateError('request.invalid', 'the person is not named', { complaints });
    },
    recording(request, subject, detail = {}) {
      const { staffAction: action } = request.routeOptions.config;
      if (action === undefined) throw new Error(`${request.routeOptions.url} does nothing that is recorded`);
      const { staffId: id } = callerOf(request);
      return endingWith(context.db, (trx) =>
        recordAudit(trx, {
          atMs: context.clock.wallMs(),
          actor: { kind: 'staff', id, address: request.ip },
          action,
          subject,
          detail,
          correlationId: correlationOf(context, request),
        }),
      );
    },
  };
}

/** One request among those of all processes. */
const correlationOf = ({ processId }: Pick<CloudContext, 'processId'>, request: FastifyRequest): string =>
  `${processId}/${request.id}`;
