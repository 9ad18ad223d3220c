import { writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { type Logger, pino } from 'pino';
import type { LogRing } from '../diagnostics/log-ring.ts';
import { type LineGate, LogStream } from './log-stream.ts';

const STDERR = 2;

/**
 * JSON lines on standard error, each written at once: a line should survive the crash that it announces. Nothing waits
 * for a reader that stalls. See docs/LOGGING.md.
 *
 * @param gate one for all threads of the process
 * @param ring keeps the last lines
 */
export function createLogger(level: string, gate: LineGate, ring?: LogRing): Logger {
  if (isMainThread) setNonBlocking();
  const stream = new LogStream({
    gate,
    ...(ring === undefined ? {} : { onLine: (text: string) => ring.add(text) }),
    write: (bytes) => writeSync(STDERR, bytes),
    onDropped: (dropped) => log.warn({ dropped }, 'log lines were dropped: nobody read them'),
  });
  const log = pino({ level, base: null }, stream);
  return log;
}

/** Node sets O_NONBLOCK on a pipe or socket when it makes its own stream of it, and has no other way to. */
const setNonBlocking = (): unknown => process.stderr;
