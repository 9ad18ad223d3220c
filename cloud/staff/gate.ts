import { createHash, timingSafeEqual } from 'node:crypto';
import type {
  FastifyReply,
  FastifyRequest,
  onRequestAsyncHookHandler,
  preHandlerAsyncHookHandler,
  preValidationAsyncHookHandler,
} from 'fastify';
import { PilegateError } from '#shared/errors.ts';
import { recordAudit } from '../audit/record.ts';
import { digestOf } from '../canonical-json.ts';
import type { CloudContext } from '../context.ts';
import type { Db } from '../db/connect.ts';
import { endingWith } from '../db/transaction.ts';
import { correlationOf } from '../http/correlation.ts';
import { sendProblem } from '../http/error-handler.ts';
import { parseJsonBody } from '../http/raw-body.ts';
import { hasActiveAccount } from './accounts/accounts.ts';
import { ruleOf, type StaffAction } from './actions.ts';
import { SERVICE_CALLER, type StaffCaller } from './caller.ts';
import { askToConfirm, useConfirmation } from './login/confirmations.ts';
import { findSession, TOKEN_PREFIX } from './login/sessions.ts';
import { type Permission, roleMay } from './roles.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a route of the staff needs; `none`: it is how people come in. */
    staffPermission?: Permission | 'none';
    /** What it does, as the audit log has it; absent: it reads. */
    staffAction?: StaffAction;
  }
}

interface RouteParts {
  readonly config: { readonly staffPermission: Permission | 'none'; readonly staffAction?: StaffAction };
  /** Before the body is read: documents are large, and nobody is to send one who has not shown who he is. */
  readonly onRequest: onRequestAsyncHookHandler[];
  readonly preValidation: preValidationAsyncHookHandler[];
  readonly preHandler: preHandlerAsyncHookHandler[];
}

export interface Subject {
  readonly kind: string;
  readonly id: string;
}

/** The door of the staff. */
export interface StaffGate {
  /** For a route that changes nothing. */
  reads(permission: Permission): RouteParts;
  /** For a route that changes something, or whose reading is on the record: its handler writes by `recording`. */
  does(action: StaffAction): RouteParts;
  /** For a route by which people come in: it records by itself. */
  open(action: StaffAction): RouteParts;
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
  whereFrom(request: FastifyRequest): { readonly address: string; readonly correlationId: string };
}

type GateContext = Pick<CloudContext, 'db' | 'clock' | 'random' | 'processId' | 'settings'>;

interface Entrant {
  readonly caller: StaffCaller;
  /** A machine from the time before there were accounts: nobody could confirm anything. */
  readonly isAlone: boolean;
  /** The challenge that was confirmed for this request; null: none was needed. */
  readonly confirmation: string | null;
}

const BEARER = 'Bearer ';
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Lets in people with a session, and a machine with the staff token; each to what their role may do. */
export function createStaffGate(context: GateContext, staffToken: string): StaffGate {
  const expected = digest(staffToken);
  const entrants = new WeakMap<FastifyRequest, Entrant>();

  const entrantOf = (request: FastifyRequest): Entrant => {
    const entrant = entrants.get(request);
    if (entrant === undefined) throw new Error('a route asks for its caller without a gate');
    return entrant;
  };
  const identify = async (request: FastifyRequest): Promise<Entrant> => {
    const { authorization } = request.headers;
    if (!authorization?.startsWith(BEARER)) throw new PilegateError('auth.missing', 'send Authorization: Bearer');
    const token = authorization.slice(BEARER.length);
    if (timingSafeEqual(expected, digest(token)))
      return { caller: SERVICE_CALLER, isAlone: await isAlone(context), confirmation: null };
    if (!token.startsWith(TOKEN_PREFIX)) throw new PilegateError('auth.unknown_key', 'not the staff token');
    return { caller: await findSession(context, token), isAlone: false, confirmation: null };
  };
  const enter = async (request: FastifyRequest): Promise<void> => {
    const entrant = await identify(request);
    const { role } = entrant.caller;
    const { staffPermission: permission = 'none' } = request.routeOptions.config;
    if (permission === 'none' || !roleMay(role, permission))
      throw new PilegateError('staff.forbidden', `the role ${role} has no permission ${permission}`);
    entrants.set(request, entrant);
  };
  const confirmed = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const { staffAction: action } = request.routeOptions.config;
    const body = request.body ?? {};
    const entrant = entrantOf(request);
    if (action === undefined || entrant.isAlone || typeof body !== 'object') return undefined;
    const { isDangerous, isDangerousNow } = ruleOf(action);
    const asked = { ...body, ...Object(request.params) };
    if (!isDangerous?.(body) && !(await isDangerousNow?.(context.db, asked))) return undefined;
    const { sessionId } = entrant.caller;
    if (sessionId === null) throw new PilegateError('confirmation.by_person', `${action} is confirmed by a person`);
    const { method, url } = request;
    const dangerous = { sessionId, action, requestSha256: digestOf({ method, url, body }) };
    const token = request.headers['pilegate-confirmation'];
    const confirmation = typeof token === 'string' ? await useConfirmation(context, dangerous, token) : null;
    if (confirmation === null) {
      const challenge = await askToConfirm(context, dangerous);
      const why =
        token === undefined ? 'needs a fresh code' : 'has another confirmation than this, or one that is over';
      return sendProblem(reply, { code: 'confirmation.required', detail: `${action} ${why}`, challenge });
    }
    entrants.set(request, { ...entrant, confirmation });
    return undefined;
  };
  const whereFrom = (request: FastifyRequest) => ({
    address: request.ip,
    correlationId: correlationOf(context, request),
  });
  const callerOf = (request: FastifyRequest): StaffCaller => entrantOf(request).caller;
  const known = { onRequest: [enter], preValidation: [parseJsonBody] };

  return {
    reads: (permission) => ({ config: { staffPermission: permission }, ...known, preHandler: [] }),
    does: (action) => ({
      config: { staffPermission: ruleOf(action).permission, staffAction: action },
      ...known,
      preHandler: [confirmed],
    }),
    open: (action) => ({
      config: { staffPermission: 'none', staffAction: action },
      onRequest: [],
      preValidation: [parseJsonBody],
      preHandler: [],
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
      const { caller, confirmation } = entrantOf(request);
      const { address, correlationId } = whereFrom(request);
      return endingWith(context.db, (trx) =>
        recordAudit(trx, {
          atMs: context.clock.wallMs(),
          actor: { kind: 'staff', id: caller.staffId, address },
          action,
          subject,
          detail: confirmation === null ? detail : { ...detail, confirmation },
          correlationId,
        }),
      );
    },
    whereFrom,
  };
}

/**
 * Whether the machine with the staff token is all that there is.
 *
 * @throws PilegateError `staff.token_over` as soon as people have accounts, unless the configuration keeps the token
 */
async function isAlone({ db, settings }: Pick<GateContext, 'db' | 'settings'>): Promise<boolean> {
  if (!(await hasActiveAccount(db))) return true;
  if (settings.staff.tokenUse !== 'until-accounts') return false;
  throw new PilegateError('staff.token_over', 'people have accounts');
}
