import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { PilegateError } from '#shared/errors.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** A hook that lets in whoever holds the staff token. */
export function createStaffGate(staffToken: string): (request: FastifyRequest) => Promise<void> {
  const expected = digest(`Bearer ${staffToken}`);
  return (request) => {
    const given = request.headers.authorization;
    if (given === undefined) return Promise.reject(new PilegateError('auth.missing', 'send Authorization: Bearer'));
    if (timingSafeEqual(expected, digest(given))) return Promise.resolve();
    return Promise.reject(new PilegateError('auth.unknown_key', 'not the staff token'));
  };
}
