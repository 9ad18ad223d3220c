import type { Server } from 'node:http';
import type { FastifyHttpOptions } from 'fastify';

/** How long, how much and how many of anything a stranger may take of the HTTP side. Times in milliseconds. */
export interface ServerLimits {
  /** A body that is larger is refused; files of applicants have a limit of their own. */
  readonly bodyBytes: number;
  /** For the headers of a request: they come in one or two packets, and whoever sends them letter by letter holds a connection for nothing. */
  readonly headersMs: number;
  /** For a whole request. The largest, a file of 5 MiB, takes that long at 0.7 Mbit/s. */
  readonly requestMs: number;
  /** For a connection on which nothing moves, also of somebody who does not read his answer. Longer than anything here takes to answer. */
  readonly silenceMs: number;
  /** Between two requests on one connection: longer than a load balancer keeps its side open (mostly 60 s), or it would meet a closed one. */
  readonly keepAliveMs: number;
  /** How often the first two are looked at; Node's own is half a minute. */
  readonly lookEveryMs: number;
  /** Each costs some 20 KiB. More are closed at once, before a byte of them is read. */
  readonly connections: number;
}

export const SERVER_LIMITS: ServerLimits = {
  bodyBytes: 65_536,
  headersMs: 15_000,
  requestMs: 60_000,
  silenceMs: 120_000,
  keepAliveMs: 72_000,
  lookEveryMs: 5_000,
  connections: 5_000,
};

/**
 * The limits as Fastify and Node take them. Not limited is how many requests come on one connection: nothing adds up with them, and
 * partners keep theirs. Headers are 16 KiB at most, and 2,000, as Node has it.
 */
export const serverOptions = (limits: ServerLimits) =>
  ({
    bodyLimit: limits.bodyBytes,
    // What comes while the process ends is answered as ever, and its connection closed.
    return503OnClosing: false,
    requestTimeout: limits.requestMs,
    connectionTimeout: limits.silenceMs,
    keepAliveTimeout: limits.keepAliveMs,
    http: { headersTimeout: limits.headersMs, connectionsCheckingInterval: limits.lookEveryMs },
  }) satisfies FastifyHttpOptions<Server>;
