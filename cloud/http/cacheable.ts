import type { onSendHookHandler } from 'fastify';
import { z } from 'zod';
import { sha256Hex } from '../canonical-json.ts';

/** To be kept, and asked for again with `If-None-Match` before each use. */
export const REVALIDATED = 'private, no-cache';
/** Never another content under this address. */
export const FOR_GOOD = 'private, max-age=86400, immutable';
/** Only good for this moment. */
export const MOMENTARY = 'private, no-store';

/** For the responses of a route whose answers are `cacheable`. */
export const notModified = { 304: z.undefined().describe('still what `If-None-Match` names') };

/** The comparison of RFC 9110, 13.1.2: a weak mark in front does not matter. */
export function isNamed(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((one) => {
    const name = one.trim();
    return name === '*' || name.replace(/^W\//, '') === etag;
  });
}

/**
 * A hook for a route whose good answers carry a strong ETag, made of the bytes that are sent, and how they may be kept. Who names that ETag
 * in `If-None-Match` gets 304 without them.
 */
export const cacheable =
  (cacheControl: string): onSendHookHandler =>
  (request, reply, payload, done) => {
    if (reply.statusCode !== 200 || typeof payload !== 'string') return done();
    const etag = `"${sha256Hex(payload).slice(0, 32)}"`;
    reply.headers({ etag, 'cache-control': cacheControl, vary: 'Pilegate-Key' });
    if (!isNamed(etag, request.headers['if-none-match'])) return done(null, payload);
    reply.code(304).removeHeader('content-type');
    return done(null, '');
  };
