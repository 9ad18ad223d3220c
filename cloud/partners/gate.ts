import type { FastifyReply, FastifyRequest } from 'fastify';
import { PilegateError } from '#shared/errors.ts';
import { raisePlatformAlarm } from '../alarms/raise-alarm.ts';
import type { CloudContext } from '../context.ts';
import { callerBlock, isWithin } from '../http/addresses.ts';
import { correlationOf, traceIdOf } from '../http/correlation.ts';
import { rawBodyOf } from '../http/raw-body.ts';
import { noteSigner } from '../http/signer.ts';
import { admitCall, takeFromBucket } from '../limits/rate-buckets.ts';
import { bannedUntil, noteFailure, refusalOf } from './bans.ts';
import type { Caller, Scope } from './caller.ts';
import { type FoundKey, findKey, noteUse } from './keys.ts';
import { isNonceUsed } from './nonces.ts';
import { classOf, type EndpointClass, policyFor, rateHeaders } from './rate-policy.ts';
import { readSignedHeaders, type SignedHeaders, verifySignature, WINDOW_S } from './signature.ts';

/** A hook that says which scopes it wants, so that a route's description can say the same. */
export interface GateHook {
  (request: FastifyRequest, reply: FastifyReply): Promise<void>;
  readonly anyOf: readonly Scope[];
}

/** The scopes that the hooks of a route want, one of them; empty: none does. */
export const scopesWanted = (hooks: unknown): readonly Scope[] =>
  [hooks].flat().flatMap((hook) => (typeof hook === 'function' && 'anyOf' in hook ? (hook as GateHook).anyOf : []));

export interface PartnerGate {
  /** A hook that lets in requests signed with a key that has one of these scopes. The first names what is counted together. */
  requires(...anyOf: Scope[]): GateHook;
  /** Who signed a request that has passed the gate. */
  callerOf(request: FastifyRequest): Caller;
}

export type GateContext = Pick<
  CloudContext,
  'processId' | 'db' | 'clock' | 'random' | 'logger' | 'secrets' | 'settings' | 'keyUsage'
>;

/** One alarm about a key in this time, however often it is tried. */
const ONE_ALARM = { perMinute: 1, burst: 1 };

/** Checks signed requests. The signature covers the bytes of the body, so this runs before they are parsed. */
export function createPartnerGate(context: GateContext): PartnerGate {
  const callers = new WeakMap<FastifyRequest, Caller>();
  return {
    requires(...anyOf) {
      const letIn = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
        const headers = readSignedHeaders(request.headers);
        const key = await authenticate(context, request, headers);
        const endpointClass = classOf(request.method, anyOf);
        await admit(context, { request, reply, headers }, key, endpointClass);
        if (key.suspendedReason !== null) throw new PilegateError('auth.suspended', key.suspendedReason);
        noteSigner(request, key.caller);
        await noteUse(context.db, key, request.ip, context.clock.wallMs());
        if (!anyOf.some((scope) => key.caller.scopes.includes(scope))) {
          throw new PilegateError('auth.forbidden', `needs scope ${anyOf.join(' or ')}`);
        }
        const correlationId = correlationOf(context, request);
        const call = { address: request.ip, correlationId, traceId: traceIdOf(request) };
        callers.set(request, { ...key.caller, call });
      };
      return Object.assign(letIn, { anyOf });
    },
    callerOf(request) {
      const caller = callers.get(request);
      if (caller === undefined) throw new Error('a route asks for its caller without a gate');
      return caller;
    },
  };
}

/**
 * Whose request it is. Each time by the database: what is revoked there is refused by every process from then on.
 *
 * @throws PilegateError of the kind `auth.…`
 */
async function authenticate(context: GateContext, request: FastifyRequest, headers: SignedHeaders): Promise<FoundKey> {
  const nowMs = context.clock.wallMs();
  const from = callerBlock(request.ip);
  const found = await findKey(context, headers.keyId, from, nowMs);
  const bannedUntilMs = found === null ? await bannedUntil(context.db, from, nowMs) : found.bannedUntilMs;
  if (bannedUntilMs !== null) throw refusalOf(bannedUntilMs, nowMs);
  if (found === null) {
    await noteFailure(context, from, `unknown key ${readable(headers.keyId)}`);
    throw new PilegateError('auth.unknown_key', `key ${headers.keyId}`);
  }
  const signed = { method: request.method, target: request.raw.url ?? '', headers, body: rawBodyOf(request) };
  try {
    verifySignature(signed, found.secret, nowMs);
  } catch (error) {
    if (error instanceof PilegateError && error.code === 'auth.bad_signature') {
      noteSigner(request, found.caller);
      await noteFailure(context, from, `bad signature for key ${headers.keyId}`);
    }
    throw error;
  }
  await refuseForeignAddress(context, found, { address: request.ip, nonce: headers.nonce }, nowMs);
  return found;
}

/**
 * What comes in the place of a key's id may be its secret, a mistake that must not get into alarms, mails and logs; or whatever a stranger
 * wants staff to read there.
 */
const readable = (keyId: string): string =>
  /^pk_(sandbox|live)_[0-9a-f]{24}$/.test(keyId) ? keyId : 'that is none of ours';

/**
 * Somebody who holds the secret calls from where the partner does not: the key is known to others. Whoever repeats there what he has
 * overheard need not hold it.
 */
async function refuseForeignAddress(
  context: GateContext,
  { caller, allowedCidrs }: FoundKey,
  { address, nonce }: { address: string; nonce: string },
  nowMs: number,
): Promise<void> {
  if (allowedCidrs.every((ranges) => isWithin(address, ranges))) return;
  const refusal = new PilegateError('auth.address_refused', `from ${address}`);
  if (await isNonceUsed(context.db, caller.keyId, nonce)) throw refusal;
  const subject = `key:${caller.familyId}`;
  const told = await takeFromBucket(context.db, subject, 'foreign-address', ONE_ALARM, nowMs);
  if (told.isAllowed) {
    const detail = `key ${caller.keyId} signed a good request from ${address}, which is not on the list: its secret may be known to others`;
    await raisePlatformAlarm(context, context.db, {
      partnerId: caller.partnerId,
      about: `partner-key/${caller.keyId}`,
      code: 'key.foreign_address',
      severity: 'critical',
      detail,
      nowMs,
    });
  }
  throw refusal;
}

/** @throws PilegateError `auth.reused_nonce` or `request.too_many` */
async function admit(
  context: GateContext,
  { request, reply, headers }: { request: FastifyRequest; reply: FastifyReply; headers: SignedHeaders },
  key: FoundKey,
  endpointClass: EndpointClass,
): Promise<void> {
  const policy = policyFor(context.settings.rateLimits, key.limits, endpointClass);
  const call = {
    keyId: headers.keyId,
    familyId: key.caller.familyId,
    nonce: headers.nonce,
    nonceExpiresAtMs: (Number(headers.timestamp) + WINDOW_S + 1) * 1000,
  };
  const verdict = await admitCall(context.db, call, endpointClass, policy, context.clock.wallMs());
  if (verdict === null) throw new PilegateError('auth.reused_nonce', `key ${headers.keyId}`);
  // Only what is fresh: whoever repeats what he has overheard must not make the key look unusual.
  context.keyUsage.note(key.caller.familyId, endpointClass, callerBlock(request.ip));
  reply.headers(rateHeaders(endpointClass, policy, verdict));
  if (verdict.isAllowed) return;
  const detail = `wait ${verdict.waitS} s: ${policy.perMinute} calls a minute`;
  throw new PilegateError('request.too_many', detail, { retryAfterS: verdict.waitS });
}
