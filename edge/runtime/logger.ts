import { destination, type Logger, pino } from 'pino';

/** JSON lines on standard error, written at once: a line must survive the crash that it announces. See docs/LOGGING.md. */
export function createLogger(level: string): Logger {
  return pino({ level, base: null }, destination({ fd: 2, sync: true }));
}
