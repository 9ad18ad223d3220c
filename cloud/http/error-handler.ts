import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import { isPilegateError, PilegateError } from '#shared/errors.ts';
import { isTransient } from '../db/transaction.ts';
import { complaintsAbout, pointerTo } from './misfits.ts';
import { type ProblemFacts, problemOf, statusOf } from './problem.ts';
import { signerOf } from './signer.ts';

const UNSUPPORTED_MEDIA_TYPE = 415;
/** A database that was restarted is back by then, mostly. */
const AWAY_S = 2;

/** The partner's own name for the request, once the body has been parsed. */
function requestIdOf(request: FastifyRequest): string | undefined {
  const { body } = request;
  if (typeof body !== 'object' || body === null || !('request_id' in body)) return undefined;
  return typeof body.request_id === 'string' ? body.request_id.slice(0, 64) : undefined;
}

function factsOf(error: unknown, bodyLimit: number): ProblemFacts | null {
  if (isPilegateError(error)) {
    if (statusOf(error.code) === 500) return null;
    const errors = error.complaints.map(({ path, reason, reasonZh }) => ({
      pointer: pointerTo(path === '(document)' ? [] : path.split('.')),
      detail: reason,
      ...(reasonZh !== undefined && { detail_zh: reasonZh }),
    }));
    return { code: error.code, detail: error.detail, ...(errors.length > 0 && { errors }) };
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const context = 'validationContext' in error ? String(error.validationContext) : 'request';
    const place = context === 'params' ? 'path' : context;
    const errors = complaintsAbout(error.validation);
    return { code: 'request.invalid', detail: `the ${place} does not fit the schema`, errors };
  }
  const { code, statusCode, message } = error as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return { code: 'request.too_large', detail: `more than ${bodyLimit / 1024} KiB` };
  if (statusCode === UNSUPPORTED_MEDIA_TYPE) {
    return { code: 'request.method', detail: 'this content type is not taken here', status: UNSUPPORTED_MEDIA_TYPE };
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { code: 'request.invalid', detail: message ?? 'bad request' };
  }
  return null;
}

/** What failed may succeed as it is, a little later. */
const awayNow = (cause: unknown): PilegateError =>
  new PilegateError('platform.unavailable', 'a part of the platform is away for a moment', {
    cause,
    retryAfterS: AWAY_S,
  });

/** Sends an error as a problem. What is not the caller's doing is logged once, here, and not told. */
export function createErrorHandler(logger: Logger) {
  return (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const error = isTransient(thrown) ? awayNow(thrown) : thrown;
    if (error !== thrown)
      logger.warn({ err: thrown, path: request.routeOptions.url }, 'request meets a part that is away');
    if (isPilegateError(error) && error.retryAfterS !== null) reply.header('retry-after', String(error.retryAfterS));
    const requestId = requestIdOf(request);
    const known = factsOf(error, request.routeOptions.bodyLimit ?? 0);
    const facts = known ?? {
      code: 'platform.internal' as const,
      detail: 'it has been recorded',
    };
    if (known === null) {
      logger.error({ err: error, method: request.method, path: request.routeOptions.url, requestId }, 'request fails');
    } else if (requestId !== undefined || signerOf(request) !== null) {
      const correlationId = reply.getHeader('pilegate-correlation');
      const { method, routeOptions } = request;
      const fields = {
        requestId,
        code: known.code,
        ...signerOf(request),
        method,
        path: routeOptions.url,
        correlationId,
      };
      logger.info(fields, 'request is refused');
    }
    return sendProblem(reply, requestId === undefined ? facts : { ...facts, requestId });
  };
}

export function sendProblem(reply: FastifyReply, facts: ProblemFacts): FastifyReply {
  const problem = problemOf(facts);
  // Already text: the route's own response schemas are for its successes.
  return reply.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}
