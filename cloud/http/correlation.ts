import type { FastifyRequest } from 'fastify';

/** One request among those of all processes: what the answer, the log, the audit log and the operation all name it by. */
export const correlationOf = ({ processId }: { readonly processId: string }, request: FastifyRequest): string =>
  `${processId}/${request.id}`;

/** W3C Trace Context, version 00; whatever comes behind its four fields is of a later version. */
const TRACE_PARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;

/** The trace that the caller says this request belongs to; null: it says none, or nothing that can be one. */
export function traceIdOf({ headers }: Pick<FastifyRequest, 'headers'>): string | null {
  const { traceparent } = headers;
  return typeof traceparent === 'string' ? (TRACE_PARENT.exec(traceparent)?.[1] ?? null) : null;
}
