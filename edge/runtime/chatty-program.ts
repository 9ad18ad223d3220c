import { createLineGate } from './log-stream.ts';
import { createLogger } from './logger.ts';

/**
 * A program for a test: logs as the edge does at an alarm, twenty times a second, and says on standard output, once a
 * second, by how much its event loop has been late at worst. `die` on standard input ends it as the edge ends in doubt.
 */
const EVERY_MS = 50;
const FRAMES = 'x'.repeat(20_000);

const log = createLogger('info', createLineGate());
let said = 0;
let worstMs = 0;
let lastMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  worstMs = Math.max(worstMs, nowMs - lastMs - EVERY_MS);
  lastMs = nowMs;
  said += 1;
  log.warn({ said, frames: FRAMES }, 'frames before the alarm');
}, EVERY_MS);
setInterval(() => process.stdout.write(`${JSON.stringify({ said, worstMs })}\n`), 1000);
process.stdin.on('end', () => process.exit(0));
process.stdin.on('data', () => {
  log.fatal({ said }, 'the edge ends');
  process.exit(1);
});
