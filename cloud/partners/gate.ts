import type { FastifyRequest } from 'fastify';
import { PilegateError } from '#shared/errors.ts';
import type { CloudContext } from '../context.ts';
import { rawBodyOf } from '../http/raw-body.ts';
import type { Caller, Scope } from './caller.ts';
import { findKey } from './keys.ts';
import { useNonce } from './nonces.ts';
import { readSignedHeaders, verifySignature } from './signature.ts';

export interface PartnerGate {
  /** A hook that lets in requests signed with a key that has one of these scopes. */
  requires(...anyOf: Scope[]): (request: FastifyRequest) => Promise<void>;
  /** Who signed a request that has passed the gate. */
  callerOf(request: FastifyRequest): Caller;
}

/** Checks signed requests. The signature covers the bytes of the body, so this runs before they are parsed. */
export function createPartnerGate(context: Pick<CloudContext, 'db' | 'clock' | 'secrets'>): PartnerGate {
  const callers = new WeakMap<FastifyRequest, Caller>();
  return {
    requires:
      (...anyOf) =>
      async (request) => {
        const headers = readSignedHeaders(request.headers);
        const { caller, secret } = await findKey(context.db, context.secrets, headers.keyId);
        const target = request.raw.url ?? '';
        const signed = { method: request.method, target, headers, body: rawBodyOf(request) };
        verifySignature(signed, secret, context.clock.wallMs());
        await useNonce(context.db, headers.keyId, headers.nonce, Number(headers.timestamp));
        if (!anyOf.some((scope) => caller.scopes.includes(scope))) {
          throw new PilegateError('auth.forbidden', `needs scope ${anyOf.join(' or ')}`);
        }
        callers.set(request, caller);
      },
    callerOf(request) {
      const caller = callers.get(request);
      if (caller === undefined) throw new Error('a route asks for its caller without a gate');
      return caller;
    },
  };
}
