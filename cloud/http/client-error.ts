import type { Socket } from 'node:net';
import type { ConnectionError } from 'fastify';
import { type ProblemFacts, problemOf } from './problem.ts';

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

function factsOf(error: ConnectionError): ProblemFacts & { readonly status: number } {
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return { code: 'request.too_large', detail: 'more than 16 KiB of headers', status: 431 };
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { code: 'request.invalid', detail: 'the request did not come in time', status: 408 };
  return { code: 'request.invalid', detail: 'this is not HTTP/1.1', status: 400 };
}

/** Answers what cannot be read as a request, and ends the connection: where the next one would begin, nobody can tell. */
export function answerUnreadable(error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (!socket.writable) {
    socket.destroy(error);
    return;
  }
  const facts = factsOf(error);
  const body = JSON.stringify(problemOf(facts));
  const head = [
    `HTTP/1.1 ${facts.status} ${reasons[facts.status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  // Gone once it is sent: whoever does not read it, or goes on sending, holds nothing.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
