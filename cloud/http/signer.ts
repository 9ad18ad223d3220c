import type { FastifyRequest } from 'fastify';

/** By which key, and whose, a request says that it is signed. */
export interface Signer {
  readonly keyId: string;
  readonly partnerId: string;
}

const signers = new WeakMap<FastifyRequest, Signer>();

/**
 * Remembers the key that a request names, so that a refusal is logged with it. Only where refusals are bounded, by a rate or a ban: whoever
 * may be refused as often as he likes must not be able to fill the log.
 */
export const noteSigner = (request: FastifyRequest, { keyId, partnerId }: Signer): void =>
  void signers.set(request, { keyId, partnerId });

/** Null: it is not to be logged. */
export const signerOf = (request: FastifyRequest): Signer | null => signers.get(request) ?? null;
