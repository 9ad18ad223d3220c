import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PilegateError } from '#shared/errors.ts';
import { isStorableAddress, refuseUnstorable } from './storable-json.ts';

const EMPTY = Buffer.alloc(0);

/** Takes JSON bodies as the bytes that were sent: a signature is checked against them before anything is parsed. */
export function keepRawBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addHook('onRequest', (request, _reply, done) =>
    isStorableAddress(request.url) ? done() : done(new PilegateError('request.invalid', 'NUL in the address')),
  );
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

export const rawBodyOf = (request: FastifyRequest): Buffer => (Buffer.isBuffer(request.body) ? request.body : EMPTY);

/**
 * A hook that parses the body after the gates have passed it.
 *
 * @throws PilegateError `request.not_json`, `request.invalid`
 */
export function parseJsonBody(request: FastifyRequest): Promise<void> {
  const bytes = rawBodyOf(request);
  if (bytes.length === 0) {
    request.body = undefined;
    return Promise.resolve();
  }
  try {
    request.body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    refuseUnstorable(request.body);
    return Promise.resolve();
  } catch (cause) {
    if (cause instanceof PilegateError) return Promise.reject(cause);
    const detail = cause instanceof Error ? cause.message : 'not JSON';
    return Promise.reject(new PilegateError('request.not_json', detail, { cause }));
  }
}
